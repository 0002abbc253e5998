#include "inspect/gdb/stub.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/hex.h"
#include "base/text.h"

namespace pv::inspect::gdb {
namespace {

constexpr std::string_view ok = "OK";
constexpr std::string_view malformed = "E01";
constexpr usize max_transfer = max_packet / 2 - 64;  // bytes of memory in one packet
constexpr usize max_notes = 4096;
constexpr u8 sigint = 2, sigtrap = 5, sigsegv = 11;

// A thread's number as the protocol writes it; -1: all, 0: any.
struct Thread {
  bool all = false, any = false;
  unsigned cpu = 0;
};

bool take_thread(std::string_view& text, unsigned cpus, Thread& thread) {
  if (take(text, "-1")) {
    thread.all = true;
    return true;
  }
  auto number = take_hex(text);
  if (!number || *number > cpus) return false;
  thread.any = *number == 0;
  thread.cpu = thread.any ? 0 : static_cast<unsigned>(*number - 1);
  return true;
}

}  // namespace

Stub::Stub(Target& target, Description description, Stop why, Send send, Terms terms)
    : target_(target),
      description_(std::move(description)),
      why_(why),
      send_(std::move(send)),
      cpu_(why.cpu),
      step_cpu_(why.cpu),
      terms_(terms) {}

void Stub::receive(Bytes bytes) {
  reader_.feed(bytes, [this](PacketReader::Event what, std::string_view data) {
    if (!finished_) event(what, data);
  });
}

void Stub::event(PacketReader::Event what, std::string_view data) {
  using Event = PacketReader::Event;
  switch (what) {
    case Event::ack: break;
    case Event::nak:
      if (!last_.empty()) send_(last_);
      break;
    case Event::interrupt:
      if (terms_.running) target_.interrupt();
      break;
    case Event::corrupt:
      if (terms_.acks) send_("-");
      break;
    case Event::too_long:
      if (terms_.acks) send_("+");
      reply(malformed);
      break;
    case Event::packet:
      if (terms_.acks) send_("+");
      // Whatever a client has to ask while the guest runs, it can stop it first.
      if (!terms_.running)
        packet(data);
      else if (data.starts_with("vCont;t"))
        target_.interrupt();
      break;
  }
}

void Stub::packet(std::string_view data) {
  if (data == "D" || data.starts_with("D;")) {
    reply(ok);
    finished_ = true;
    target_.detach();
    return;
  }
  if (data == "k" || data.starts_with("vKill")) {
    if (data != "k") reply(ok);
    finished_ = true;
    target_.kill();
    return;
  }
  std::string text = answer(data);
  if (!terms_.running) reply(text);
}

std::string Stub::answer(std::string_view data) {
  if (data.empty()) return {};
  std::string_view rest = data.substr(1);
  switch (data[0]) {
    case '?': return stop_reply();
    case 'g': return read_all();
    case 'G': return write_all(rest);
    case 'p': return read_one(rest);
    case 'P': return write_one(rest);
    case 'm': return read_memory(rest);
    case 'M': return write_memory(rest, false);
    case 'X': return write_memory(rest, true);
    case 'Z': return point(rest, true);
    case 'z': return point(rest, false);
    case 'H': return select(rest);
    case 'T': return alive(rest);
    case 'c': return resume_simply(rest, Action::go_on);
    case 's': return resume_simply(rest, Action::step);
    // With a signal, of which a CPU has none.
    case 'C': return take_hex(rest) ? resume_simply({}, Action::go_on) : std::string(malformed);
    case 'S': return take_hex(rest) ? resume_simply({}, Action::step) : std::string(malformed);
    case 'q': return query(data);
    case 'Q': return set(data);
    case 'v': return verbose(data);
    default: return {};
  }
}

std::string Stub::failed(const Error& error) {
  problem_ = error.message;
  if (!error.hint.empty()) problem_ += "; " + error.hint;
  return "E0e";
}

std::string Stub::query(std::string_view data) {
  if (take(data, "qSupported")) {
    terms_.tells_software = data.find("swbreak+") != data.npos;
    terms_.tells_hardware = data.find("hwbreak+") != data.npos;
    return text(
        "PacketSize={:x};QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;"
        "hwbreak+",
        max_packet - 16);
  }
  if (data == "qAttached") return "1";
  if (data == "qC") return text("QC{:x}", cpu_ + 1);
  if (data == "qfThreadInfo") return threads();
  if (data == "qsThreadInfo") return "l";
  if (data == "qqemu.PhyMemMode") return physical_ ? "1" : "0";
  if (data.starts_with("qSymbol")) return std::string(ok);
  if (take(data, "qThreadExtraInfo,")) {
    Thread thread;
    if (!take_thread(data, target_.cpus(), thread)) return std::string(malformed);
    return to_hex(bytes_of(target_.describe(thread.cpu)));
  }
  if (take(data, "qXfer:features:read:")) return transfer(data);
  if (take(data, "qRcmd,")) return command(data);
  return {};
}

std::string Stub::set(std::string_view data) {
  if (data == "QStartNoAckMode") {
    terms_.acks = false;  // this packet has been acknowledged already
    return std::string(ok);
  }
  if (take(data, "Qqemu.PhyMemMode:")) {
    physical_ = data == "1";
    return std::string(ok);
  }
  return {};
}

std::string Stub::verbose(std::string_view data) {
  if (data == "vCont?") return "vCont;c;C;s;S;t";
  if (take(data, "vCont;")) return resume(data);
  return {};
}

std::string Stub::transfer(std::string_view data) {
  if (!take(data, "target.xml:")) return "E00";
  auto offset = take_hex(data);
  if (!offset || !take(data, ',')) return std::string(malformed);
  auto length = take_hex(data);
  if (!length) return std::string(malformed);
  std::string_view whole = description_.xml;
  if (*offset >= whole.size()) return "l";
  std::string_view part = whole.substr(static_cast<usize>(*offset),
                                       static_cast<usize>(std::min<u64>(*length, max_transfer)));
  bool last = *offset + part.size() == whole.size();
  return (last ? "l" : "m") + escape(part);
}

std::string Stub::command(std::string_view hex) {
  auto bytes = from_hex(hex);
  if (!bytes) return std::string(malformed);
  const std::string line(bytes->begin(), bytes->end());
  std::string output = line == "why" ? (problem_.empty() ? "nothing has failed" : problem_) + "\n"
                                     : target_.monitor(cpu_, line);
  console(std::exchange(notes_, {}));
  console(output);
  return std::string(ok);
}

// Output packets carry hexadecimal digits, so nothing needs escaping.
void Stub::console(std::string_view output) {
  constexpr usize piece = 1024;
  for (; !output.empty(); output.remove_prefix(std::min(piece, output.size())))
    reply("O" + to_hex(bytes_of(output.substr(0, piece))));
}

std::string Stub::read_all() {
  auto file = target_.read_registers(cpu_, hv::all_registers);
  if (!file) return failed(file.error());
  std::string all;
  for (usize i = 0; i < description_.in_g; ++i)
    all += wire_value(description_, description_.registers[i], *file);
  return all;
}

std::string Stub::write_all(std::string_view hex) {
  auto bytes = from_hex(hex);
  if (!bytes || bytes->size() != description_.g_size()) return std::string(malformed);
  auto file = target_.read_registers(cpu_, hv::all_registers);
  if (!file) return failed(file.error());
  for (usize i = 0; i < description_.in_g; ++i) {
    const WireRegister& wire = description_.registers[i];
    if (file->known[wire.index] == 0) continue;  // the client has never had it
    const Bytes part = Bytes(*bytes).subspan(wire.offset, wire.bytes);
    // Only what differs: some registers are not for writing.
    if (wire_value(description_, wire, *file) == to_hex(part)) continue;
    auto done = target_.write_register(cpu_, wire.index, register_value(description_, wire, part));
    if (!done) return failed(done.error());
  }
  return std::string(ok);
}

std::string Stub::read_one(std::string_view data) {
  auto number = take_hex(data);
  if (!number || *number >= description_.registers.size()) return std::string(malformed);
  auto file = target_.read_registers(cpu_, hv::all_registers);
  if (!file) return failed(file.error());
  return wire_value(description_, description_.registers[static_cast<usize>(*number)], *file);
}

std::string Stub::write_one(std::string_view data) {
  auto number = take_hex(data);
  if (!number || *number >= description_.registers.size() || !take(data, '='))
    return std::string(malformed);
  const WireRegister& wire = description_.registers[static_cast<usize>(*number)];
  auto bytes = from_hex(data);
  if (!bytes || bytes->size() != wire.bytes) return std::string(malformed);
  auto done = target_.write_register(cpu_, wire.index, register_value(description_, wire, *bytes));
  return done ? std::string(ok) : failed(done.error());
}

std::string Stub::read_memory(std::string_view data) {
  auto address = take_hex(data);
  if (!address || !take(data, ',')) return std::string(malformed);
  auto length = take_hex(data);
  if (!length) return std::string(malformed);
  if (*length == 0) return {};
  std::vector<u8> bytes(static_cast<usize>(std::min<u64>(*length, max_transfer)));
  auto got = target_.read_memory(cpu_, physical_, *address, bytes);
  if (!got) return failed(got.error());
  return to_hex(Bytes(bytes).first(std::min(*got, bytes.size())));
}

std::string Stub::write_memory(std::string_view data, bool binary) {
  auto address = take_hex(data);
  if (!address || !take(data, ',')) return std::string(malformed);
  auto length = take_hex(data);
  if (!length || !take(data, ':')) return std::string(malformed);
  auto bytes = binary ? std::optional(unescape(data)) : from_hex(data);
  if (!bytes || bytes->size() != *length) return std::string(malformed);
  if (bytes->empty()) return std::string(ok);  // how a client asks whether X is known
  auto done = target_.write_memory(cpu_, physical_, *address, *bytes);
  return done ? std::string(ok) : failed(done.error());
}

std::string Stub::point(std::string_view data, bool insert) {
  auto kind = take_hex(data);
  if (!kind || !take(data, ',')) return std::string(malformed);
  auto address = take_hex(data);
  if (!address || !take(data, ',')) return std::string(malformed);
  auto length = take_hex(data);
  if (!length) return std::string(malformed);
  if (*kind > 4) return {};
  Point which = static_cast<Point>(*kind);
  auto done = insert ? target_.insert(cpu_, which, *address, *length)
                     : target_.remove(which, *address, *length);
  if (!done) return failed(done.error());
  return *done ? std::string(ok) : std::string();  // empty: the client looks for another way
}

std::string Stub::select(std::string_view data) {
  bool for_steps = take(data, 'c');
  if (!for_steps && !take(data, 'g')) return {};
  Thread thread;
  if (!take_thread(data, target_.cpus(), thread)) return std::string(malformed);
  if (for_steps) {
    step_all_ = thread.all || thread.any;
    step_cpu_ = step_all_ ? why_.cpu : thread.cpu;
  } else {
    cpu_ = thread.all || thread.any ? why_.cpu : thread.cpu;
  }
  return std::string(ok);
}

std::string Stub::alive(std::string_view data) {
  Thread thread;
  bool there = take_thread(data, target_.cpus(), thread) && !thread.all && !thread.any;
  return there ? std::string(ok) : std::string(malformed);
}

std::string Stub::threads() const {
  std::string all = "m";
  for (unsigned i = 0; i < target_.cpus(); ++i) all += text("{}{:x}", i == 0 ? "" : ",", i + 1);
  return all;
}

// `c` and `s`: with Hc's thread. An address to go on from is set first.
std::string Stub::resume_simply(std::string_view data, Action action) {
  if (!data.empty()) {
    auto address = take_hex(data);
    auto index = hv::RegisterFile(target_.arch(), hv::register_table(target_.arch()))
                     .index(hv::program_counter(target_.arch()));
    if (!address || !index) return std::string(malformed);
    if (auto done = target_.write_register(step_cpu_, *index, {*address, 0}); !done)
      return failed(done.error());
  }
  // A step is one CPU's; the others go on with it, unless one CPU alone was asked for.
  std::vector<Action> actions(target_.cpus(), step_all_ ? Action::go_on : Action::stay);
  actions[step_cpu_] = action;
  return start(actions);
}

// vCont: for each CPU the first action that names it.
std::string Stub::resume(std::string_view data) {
  std::vector<Action> actions(target_.cpus(), Action::stay);
  std::vector<bool> decided(target_.cpus());
  while (!data.empty()) {
    char letter = data[0];
    data.remove_prefix(1);
    Action action = Action::stay;
    if (letter == 'c' || letter == 'C') action = Action::go_on;
    if (letter == 's' || letter == 'S') action = Action::step;
    if (action == Action::stay && letter != 't') return std::string(malformed);
    if ((letter == 'C' || letter == 'S') && !take_hex(data)) return std::string(malformed);
    Thread thread{.all = true};
    if (take(data, ':')) {
      thread.all = false;
      if (!take_thread(data, target_.cpus(), thread)) return std::string(malformed);
    }
    for (unsigned i = 0; i < actions.size(); ++i) {
      if (decided[i] || !(thread.all || thread.any || thread.cpu == i)) continue;
      actions[i] = action;
      decided[i] = true;
    }
    if (!data.empty() && !take(data, ';')) return std::string(malformed);
  }
  return start(actions);
}

std::string Stub::start(const std::vector<Action>& actions) {
  bool any = std::any_of(actions.begin(), actions.end(),
                         [](Action action) { return action != Action::stay; });
  if (!any) return stop_reply();
  terms_.running = true;
  auto done = target_.resume(actions);
  if (done) {
    console(std::exchange(notes_, {}));
    return {};
  }
  terms_.running = false;
  // An error would leave the client believing that the CPUs run.
  std::string error = failed(done.error());
  console(problem_ + "\n");
  return stop_reply();
}

std::string Stub::stop_reply() const {
  using Reason = Stop::Reason;
  u8 signal = sigtrap;
  std::string more;
  switch (why_.reason) {
    case Reason::interrupted: signal = sigint; break;
    case Reason::crashed: signal = sigsegv; break;
    case Reason::breakpoint:
      if (why_.point == Point::software ? terms_.tells_software : terms_.tells_hardware)
        more = why_.point == Point::software ? "swbreak:;" : "hwbreak:;";
      break;
    case Reason::watchpoint:
      more = text("{}watch:{:x};",
                  why_.point == Point::read     ? "r"
                  : why_.point == Point::access ? "a"
                                                : "",
                  why_.address);
      break;
    case Reason::halted:
    case Reason::step:
    case Reason::own_trap: break;
  }
  return text("T{:02x}thread:{:x};{}", signal, why_.cpu + 1, more);
}

void Stub::stopped(const Stop& why) {
  why_ = why;
  if (!terms_.running || finished_) return;
  terms_.running = false;
  cpu_ = why.cpu;
  if (step_all_) step_cpu_ = why.cpu;
  console(std::exchange(notes_, {}));
  reply(stop_reply());
}

void Stub::ended(char how, u8 number) {
  if (finished_) return;
  console(std::exchange(notes_, {}));
  // Not asked for, it would be taken for the answer to the next request.
  if (terms_.running) reply(text("{}{:02x}", how, number));
  terms_.running = false;
  finished_ = true;
}

void Stub::note(std::string line) {
  line += "\n";
  if (terms_.running)
    console(line);
  else if (notes_.size() + line.size() <= max_notes)
    notes_ += line;
}

void Stub::reply(std::string_view data) {
  last_ = frame(data);
  send_(last_);
}

}  // namespace pv::inspect::gdb
