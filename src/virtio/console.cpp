#include "virtio/console.h"

#include <algorithm>

namespace pv::virtio {
namespace {

constexpr u8 state_version = 1;
// A driver writes at most a few pages at once. What a chain holds beyond this is dropped, so that
// a chain that describes 4 GiB cannot keep a vCPU's thread busy for seconds.
constexpr u64 largest_write = 1_MiB;
// How much one notification may move before the rest is left to the executor.
constexpr u64 enough = 1_MiB;

}  // namespace

u64 Console::features() const {
  return spec::console::feature_size | spec::console::feature_emerg_write;
}

void Console::read_config(u64 offset, MutableBytes into) const {
  const spec::console::Config config{columns_, rows_, u32{1}, u32{0}};
  copy_config(Bytes(reinterpret_cast<const u8*>(&config), sizeof config), offset, into);
}

void Console::write_config(u64 offset, Bytes from) {
  // Works at any time, also before the driver has set anything up (5.3.4).
  if (offset != offsetof(spec::console::Config, emerg_wr)) return;
  sink_.write(from.first(1));
}

void Console::notify(u16 queue) {
  if (queue == spec::console::transmitq) return transmit();
  if (queue == spec::console::receiveq && refused_) {
    refused_ = false;
    source_.room();
  }
}

void Console::transmit() {
  Queue& queue = host().queue(spec::console::transmitq);
  u64 moved = 0;
  u32 chains = 0;
  while (queue.pop(chain_)) {
    write_out(chain_);
    queue.push(chain_.head(), 0);
    moved += chain_.readable_bytes();
    if (moved >= enough || ++chains >= 2 * u32{queue.max_size()}) {
      host().defer(spec::console::transmitq);
      break;
    }
  }
  host().finish(spec::console::transmitq);
}

void Console::write_out(const Chain& chain) {
  ChainReader reader(chain);
  const u64 size = std::min(reader.remaining(), largest_write);
  if (size == 0) return;
  buffer_.resize(static_cast<usize>(size));
  reader.read(buffer_);
  sink_.write(buffer_);
}

usize Console::receive(Bytes input) {
  usize taken = 0;
  if (host().running()) {
    Queue& queue = host().queue(spec::console::receiveq);
    u32 chains = 0;
    while (taken < input.size() && queue.pop(chain_)) {
      ChainWriter writer(chain_);
      taken += writer.write(input.subspan(taken));
      queue.push(chain_.head(), writer.position());
      if (++chains >= 2 * u32{queue.max_size()}) {
        host().defer(spec::console::receiveq);  // tiny buffers without end: go on later
        break;
      }
    }
    host().finish(spec::console::receiveq);
  }
  refused_ = taken < input.size();
  return taken;
}

void Console::resize(u16 columns, u16 rows) {
  if (columns == columns_ && rows == rows_) return;
  columns_ = columns;
  rows_ = rows;
  if (attached()) host().config_changed();
}

// Whoever waits for room goes on waiting: the next driver's first buffers make it.
void Console::reset() {}

void Console::save(StateWriter& out) const {
  out.put8(state_version);
  out.put16(columns_);
  out.put16(rows_);
  out.put_bool(refused_);
}

Result<void> Console::restore(StateReader& in) {
  const u8 version = in.get8();
  const u16 columns = in.get16();
  const u16 rows = in.get16();
  const bool refused = in.get_bool();
  if (in.bad() || version != state_version)
    return fail(Error::Kind::image, "the saved state of the virtio console is damaged");
  columns_ = columns;
  rows_ = rows;
  refused_ = refused;
  return {};
}

}  // namespace pv::virtio
