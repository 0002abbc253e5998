#include "cli/trace_text.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "hv/registers.h"
#include "machine/places.h"

namespace pv::cli {
namespace {

using trace::Cause;
using trace::Comparison;
using trace::Difference;
using trace::Event;
using trace::Trace;

bool is_port(const Event& event) {
  return event.cause == Cause::port_read || event.cause == Cause::port_write;
}

bool has_place(const Event& event) {
  return is_port(event) || event.cause == Cause::mmio_read || event.cause == Cause::mmio_write;
}

std::string register_name(Arch arch, usize index) {
  const auto table = hv::register_table(arch);
  return index < table.size() ? table[index].name : text("register {}", index);
}

std::string pc_text(const Event& event) {
  return event.has(trace::has_pc) ? text("{:#x}", event.pc) : std::string("-");
}

// A trace, and the names of what lies where on its board.
struct Shown {
  explicit Shown(const Trace& of) : trace(of), places(of.arch, of.board) {}
  const Trace& trace;
  machine::Places places;
};

std::string details(const Shown& shown, const Event& event) {
  const Trace& trace = shown.trace;
  switch (event.cause) {
    case Cause::mmio_read:
    case Cause::mmio_write:
    case Cause::port_read:
    case Cause::port_write: {
      std::string words = text("{:#x} {}", event.address, event.width);
      if (event.has(trace::has_value)) words += text(" {:#x}", event.value);
      const std::string place = shown.places.name(is_port(event), event.address);
      return place.empty() ? words : text("{}  ({})", words, place);
    }
    case Cause::hypercall:
      return text("extension {:#x} function {:#x}", event.address, event.value);
    case Cause::mark: return text("{}", event.value);
    case Cause::lost: return text("{} records are missing here", event.value);
    case Cause::step: {
      std::string words;
      for (const auto& change : trace.changes_of(event))
        words += text("{}{}={:#x}", words.empty() ? "" : " ",
                      register_name(trace.arch, change.index), change.value);
      return words;
    }
    case Cause::halted:
    case Cause::interrupted:
    case Cause::triple_fault: return {};
    default:
      return event.has(trace::has_value) ? text("{:#x} {:#x}", event.address, event.value)
                                         : text("{:#x}", event.address);
  }
}

// Without the time: what is compared.
std::string comparable(const Shown& shown, const Event& event) {
  std::string line =
      text("{:<18} {:<14} {}", pc_text(event), name(event.cause), details(shown, event));
  line.resize(line.find_last_not_of(' ') + 1);
  return line;
}

std::string share(u64 count, u64 of) {
  return of == 0 ? std::string() : text("{}.{} %", count * 100 / of, count * 1000 / of % 10);
}

template <class Key>
std::vector<std::pair<Key, u64>> most_frequent(const std::map<Key, u64>& counts) {
  std::vector<std::pair<Key, u64>> sorted(counts.begin(), counts.end());
  std::ranges::stable_sort(sorted, std::greater<>(),
                           [](const auto& entry) { return entry.second; });
  return sorted;
}

// Who differs in which register where two step traces part.
std::string register_text(const Comparison& comparison, NamedTrace a, NamedTrace b,
                          const Difference& difference) {
  if (a.trace.kind != trace::Kind::steps) return {};
  const auto of_a = registers_after(a.trace, comparison.a[difference.vcpu], difference.a + 1);
  const auto of_b = registers_after(b.trace, comparison.b[difference.vcpu], difference.b + 1);
  std::string out;
  for (usize i = 0; i < std::max(of_a.size(), of_b.size()); ++i) {
    const trace::Known left = i < of_a.size() ? of_a[i] : trace::Known();
    const trace::Known right = i < of_b.size() ? of_b[i] : trace::Known();
    if (left.known == right.known && left.value == right.value) continue;
    const auto word = [](const trace::Known& known) {
      return known.known ? text("{:#x}", known.value) : std::string("unknown");
    };
    out += text("    {:<8} {:<20} {}\n", register_name(a.trace.arch, i), word(left), word(right));
  }
  if (out.empty()) return "  all registers agree there\n";
  return text("  registers that differ there:\n    {:<8} {:<20} {}\n{}", "", "A", "B", out);
}

struct Side {
  char sign;
  const Shown& shown;
  std::span<const Event* const> events;
};

void lines(std::string& out, const Side& side, char sign, usize from, usize to) {
  for (usize i = from; i < to && i < side.events.size(); ++i)
    out += text("{} {:>8} {}\n", sign, i, comparable(side.shown, *side.events[i]));
}

// One side of a difference, shortened to `most` lines.
void stretch(std::string& out, const Side& side, usize from, usize to, usize most) {
  const usize shown = std::min(to - from, most);
  lines(out, side, side.sign, from, from + shown);
  if (shown < to - from) out += text("{} ... {} more\n", side.sign, to - from - shown);
  if (from == to && to == side.events.size()) out += text("{} {:>8} (its end)\n", side.sign, to);
}

std::string hunk(const Comparison& comparison, NamedTrace a, NamedTrace b,
                 const Difference& difference, const TraceOptions& options) {
  const Shown shown_a(a.trace), shown_b(b.trace);
  const Side left{'-', shown_a, comparison.a[difference.vcpu]};
  const Side right{'+', shown_b, comparison.b[difference.vcpu]};
  const usize context = static_cast<usize>(options.context);
  std::string out = text("vCPU {}: A from event {}, B from event {}\n", difference.vcpu,
                         difference.a, difference.b);
  lines(out, left, ' ', difference.a - std::min(difference.a, context), difference.a);
  const usize most = std::max<usize>(context, 1);
  stretch(out, left, difference.a, difference.a_end, most);
  stretch(out, right, difference.b, difference.b_end, most);
  lines(out, left, ' ', difference.a_end, difference.a_end + context);
  return out + register_text(comparison, a, b, difference);
}

// "    1.234567  0 0xffff800010010a34 mmio-write     0x9000018 4 0x41  (uart)".
std::string event_line(const Shown& shown, const Event& event) {
  return text("{:>5}.{:06} {:>2} {}", event.time_ns / 1'000'000'000,
              event.time_ns / 1000 % 1'000'000, event.vcpu, comparable(shown, event));
}

}  // namespace

std::string trace_text(const Trace& trace, const TraceOptions& options) {
  std::string out =
      text("#     time vCPU {:<16} {:<14} {}\n", "pc", "cause", "address width value");
  const Shown shown(trace);
  for (const Event* event : trace.in_time()) {
    if (options.vcpu && event->vcpu != *options.vcpu) continue;
    out += event_line(shown, *event) + '\n';
  }
  return out;
}

std::string count_text(const Trace& trace, const TraceOptions& options) {
  std::map<Cause, u64> causes;
  std::map<std::string, u64> places;
  std::map<u64, u64> pcs;
  u64 all = 0, placed = 0, end_ns = 0;
  const machine::Places known(trace.arch, trace.board);
  for (const auto& events : trace.vcpus)
    for (const Event& event : events) {
      if (options.vcpu && event.vcpu != *options.vcpu) continue;
      end_ns = std::max(end_ns, event.time_ns);
      if (event.cause == Cause::lost) continue;
      ++all;
      ++causes[event.cause];
      if (event.has(trace::has_pc)) ++pcs[event.pc];
      if (!has_place(event)) continue;
      ++placed;
      std::string place = known.name(is_port(event), event.address);
      ++places[place.empty() ? text("{:#x} (nothing there)", event.address) : place];
    }
  std::string out = text("{} records of {} vCPU{} ({}) in {}.{:03} s\n", all, trace.vcpus.size(),
                         trace.vcpus.size() == 1 ? "" : "s", name(trace.arch),
                         end_ns / 1'000'000'000, end_ns / 1'000'000 % 1000);
  const auto row = [](u64 count, u64 of, std::string_view what) {
    return text("{:>10} {:>8}  {}\n", count, share(count, of), what);
  };
  out += "\nby cause\n";
  for (const auto& [cause, count] : most_frequent(causes)) out += row(count, all, name(cause));
  if (!places.empty()) out += "\nby place\n";
  for (const auto& [place, count] : most_frequent(places)) out += row(count, placed, place);
  usize most = options.all ? pcs.size() : 20;
  if (!pcs.empty()) out += "\nby program counter\n";
  for (const auto& [pc, count] : most_frequent(pcs)) {
    if (most-- == 0) {
      out += text("{:>10} more; --all prints them\n", pcs.size() - 20);
      break;
    }
    out += row(count, all, text("{:#x}", pc));
  }
  return out;
}

std::string difference_text(NamedTrace a, NamedTrace b, const TraceOptions& options, bool& differ) {
  const Comparison comparison = compare(a.trace, b.trace, options.compare);
  differ = comparison.first.has_value();
  if (!differ) return text("alike: {} events, time aside\n", comparison.alike);
  std::string out = text("A = {}\nB = {}\n\n", a.name, b.name);
  const auto& differences = comparison.differences;
  if (options.all) {
    for (const Difference& difference : differences)
      out += hunk(comparison, a, b, difference, options) + "\n";
  } else {
    out += "the first difference: ";
    out += hunk(comparison, a, b, differences[*comparison.first], options) + "\n";
  }
  out += text("{} place{} differ{}, {} events are alike", differences.size(),
              differences.size() == 1 ? "" : "s", differences.size() == 1 ? "s" : "",
              comparison.alike);
  if (comparison.stopped) out += "; after the last of them the two do not meet again";
  if (!options.all && differences.size() > 1) out += "; --all prints each";
  return out + "\n";
}

}  // namespace pv::cli
