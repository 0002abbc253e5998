#include "virtio/console.h"

#include <algorithm>
#include <utility>

#include "base/endian.h"

namespace pv::virtio {
namespace {

namespace con = spec::console;

constexpr u8 state_version = 2;
constexpr u8 single_port_version = 1;
// A driver writes at most a few pages at once. What a chain holds beyond this is dropped, so that
// a chain that describes 4 GiB cannot keep a vCPU's thread busy for seconds.
constexpr u64 largest_write = 1_MiB;
// How much one notification may move before the rest is left to the executor.
constexpr u64 enough = 1_MiB;

bool needs_multiport(const std::vector<Console::Port>& ports) {
  const Console::Port& first = ports[0];
  return ports.size() > 1 || !first.name.empty() || !first.console ||
         (first.source != nullptr && !first.speaks_first);
}

// The queues of port 0, then the two of control, then those of the other ports (5.3.2).
usize port_of(u16 queue) { return queue < 2 ? 0 : queue / 2u - 1; }
u16 receive_queue_of(usize port) { return static_cast<u16>(port == 0 ? 0 : 2 * port + 2); }
bool transmits(u16 queue) { return queue % 2 != 0; }

}  // namespace

Console::Console(std::vector<Port> ports) : ports_(std::move(ports)), states_(ports_.size()) {
  CHECK(!ports_.empty() && ports_.size() <= most_ports);
  multiport_ = needs_multiport(ports_);
  for (const Port& port : ports_) {
    sizes_.insert(sizes_.end(), {port.receive_size, port.transmit_size});
    if (multiport_ && &port == &ports_[0])
      sizes_.insert(sizes_.end(), {usual_receive_size, usual_transmit_size});
  }
}

u64 Console::features() const {
  return con::feature_emerg_write | (multiport_ ? con::feature_multiport : con::feature_size);
}

bool Console::multiport_negotiated() const {
  return multiport_ && (host().driver_features() & con::feature_multiport) != 0;
}

void Console::read_config(u64 offset, MutableBytes into) const {
  const con::Config config{columns_, rows_, static_cast<u32>(ports_.size()), u32{0}};
  copy_config(Bytes(reinterpret_cast<const u8*>(&config), sizeof config), offset, into);
}

void Console::write_config(u64 offset, Bytes from) {
  // Works at any time, also before the driver has set anything up (5.3.4).
  if (offset != offsetof(con::Config, emerg_wr)) return;
  ports_[0].sink->write(from.first(1));
}

void Console::notify(u16 queue) {
  if (multiport_ && queue == con::control_receiveq) return tell();
  if (multiport_ && queue == con::control_transmitq) return hear();
  const usize port = port_of(queue);
  if (transmits(queue)) return transmit(queue, port);
  room(port);
}

void Console::room(usize port) {
  if (!states_[port].refused) return;
  states_[port].refused = false;
  if (ports_[port].source != nullptr) ports_[port].source->room();
}

void Console::open(usize port) {
  if (std::exchange(states_[port].open, true)) return;
  room(port);
}

void Console::transmit(u16 index, usize port) {
  Queue& queue = host().queue(index);
  u64 moved = 0;
  u32 chains = 0;
  while (queue.pop(chain_)) {
    write_out(chain_, *ports_[port].sink);
    if (!multiport_negotiated() && port == 0) open(port);
    queue.push(chain_.head(), 0);
    moved += chain_.readable_bytes();
    if (moved >= enough || ++chains >= 2 * u32{queue.max_size()}) {
      host().defer(index);
      break;
    }
  }
  host().finish(index);
}

void Console::write_out(const Chain& chain, device::CharSink& sink) {
  ChainReader reader(chain);
  const u64 size = std::min(reader.remaining(), largest_write);
  if (size == 0) return;
  buffer_.resize(static_cast<usize>(size));
  reader.read(buffer_);
  sink.write(buffer_);
}

usize Console::receive(usize port, Bytes input) {
  usize taken = 0;
  // A driver that could have said so with MULTIPORT, and does not, may never write.
  const bool reads_first = !multiport_negotiated() && port == 0 && !ports_[port].speaks_first;
  if (host().running() && (states_[port].open || reads_first)) {
    const u16 index = receive_queue_of(port);
    Queue& queue = host().queue(index);
    u32 chains = 0;
    while (taken < input.size() && queue.pop(chain_)) {
      ChainWriter writer(chain_);
      taken += writer.write(input.subspan(taken));
      queue.push(chain_.head(), writer.position());
      if (++chains >= 2 * u32{queue.max_size()}) {
        host().defer(index);  // tiny buffers without end: go on later
        break;
      }
    }
    host().finish(index);
  }
  states_[port].refused = taken < input.size();
  return taken;
}

usize Console::feed(usize port, Bytes input) {
  std::lock_guard lock(host().device_mutex());
  return receive(port, input);
}

void Console::hear() {
  Queue& queue = host().queue(con::control_transmitq);
  u32 chains = 0;
  while (queue.pop(chain_)) {
    ChainReader reader(chain_);
    con::Control control{};
    if (reader.remaining() >= sizeof control) {
      reader.read({reinterpret_cast<u8*>(&control), sizeof control});
      handle(control);
    }
    queue.push(chain_.head(), 0);
    if (++chains >= 2 * u32{queue.max_size()}) {
      host().defer(con::control_transmitq);
      break;
    }
  }
  host().finish(con::control_transmitq);
  tell();
}

void Console::handle(const con::Control& control) {
  const bool yes = control.value != 0;
  if (control.event == con::device_ready) {
    if (yes)
      for (PortState& state : states_) state.untold |= told_added;
    return;
  }
  if (control.id >= ports_.size()) return;
  const usize port = control.id;
  PortState& state = states_[port];
  if (control.event == con::port_ready && yes) {
    if (ports_[port].console) state.untold |= told_console;
    if (!ports_[port].name.empty()) state.untold |= told_name;
    state.untold |= told_open;
  } else if (control.event == con::port_open) {
    if (yes)
      open(port);
    else
      state.open = false;
  }
}

void Console::tell() {
  Queue& queue = host().queue(con::control_receiveq);
  for (usize port = 0; port < ports_.size(); ++port)
    for (Told what : {told_added, told_console, told_name, told_open}) {
      if ((states_[port].untold & what) == 0) continue;
      if (!queue.pop(chain_)) return host().finish(con::control_receiveq);  // until there is room
      states_[port].untold &= static_cast<u8>(~what);
      write_message(port, what);
    }
  host().finish(con::control_receiveq);
}

// Into the chain that has been popped. A message that does not fit is lost, by the driver's doing.
void Console::write_message(usize port, Told what) {
  const u16 event = what == told_added     ? con::port_add
                    : what == told_console ? con::console_port
                    : what == told_name    ? con::port_name
                                           : con::port_open;
  const con::Control control{static_cast<u32>(port), event, u16{1}};
  const auto* bytes = reinterpret_cast<const u8*>(&control);
  buffer_.assign(bytes, bytes + sizeof control);
  if (what == told_name)
    buffer_.insert(buffer_.end(), ports_[port].name.begin(), ports_[port].name.end());
  ChainWriter writer(chain_);
  if (writer.remaining() >= buffer_.size()) writer.write(buffer_);
  host().queue(con::control_receiveq).push(chain_.head(), writer.position());
}

void Console::resize(u16 columns, u16 rows) {
  if (columns == columns_ && rows == rows_) return;
  columns_ = columns;
  rows_ = rows;
  if (attached()) host().config_changed();
}

void Console::announce_size(u16 columns, u16 rows) {
  std::lock_guard lock(host().device_mutex());
  resize(columns, rows);
}

// Whoever waits for room goes on waiting: the next driver's first buffers make it.
void Console::reset() {
  for (PortState& state : states_) {
    state.open = false;
    state.untold = 0;
  }
}

void Console::save(StateWriter& out) const {
  out.put8(state_version);
  out.put16(columns_);
  out.put16(rows_);
  out.put8(static_cast<u8>(states_.size()));
  for (const PortState& state : states_) {
    out.put_bool(state.refused);
    out.put_bool(state.open);
    out.put8(state.untold);
  }
}

Result<void> Console::restore(StateReader& in) {
  const u8 version = in.get8();
  const u16 columns = in.get16();
  const u16 rows = in.get16();
  const usize count = version == state_version ? in.get8() : 1;
  std::vector<PortState> states(count <= most_ports ? count : 0);
  for (PortState& state : states) {
    state.refused = in.get_bool();
    state.open = version != state_version || in.get_bool();
    if (version != state_version) continue;
    state.untold = in.get8() & (told_added | told_console | told_name | told_open);
  }
  const bool known = version == state_version || version == single_port_version;
  if (in.bad() || !known || states.size() != ports_.size())
    return fail(Error::Kind::image, "the saved state of the virtio console is damaged");
  columns_ = columns;
  rows_ = rows;
  states_ = std::move(states);
  return {};
}

}  // namespace pv::virtio
