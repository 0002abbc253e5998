#include "trace/compare.h"

#include <algorithm>

namespace pv::trace {
namespace {

constexpr usize most_differences = 1000;
// How far ahead a place is looked for where both agree again, and for how many events they must.
constexpr usize window = 256;
constexpr usize agreement = 4;

class Comparer {
 public:
  Comparer(const Trace& a, const Trace& b, const CompareOptions& options)
      : a_(a), b_(b), options_(options) {}

  std::vector<const Event*> chosen(const Trace& trace, usize vcpu) const {
    std::vector<const Event*> events;
    if (vcpu >= trace.vcpus.size()) return events;
    for (const Event& event : trace.vcpus[vcpu])
      if (options_.interrupted || event.cause != Cause::interrupted) events.push_back(&event);
    return events;
  }

  bool alike(const Event& a, const Event& b) const {
    // Nobody knows what is missing: a loss differs from everything.
    if (a.cause == Cause::lost || b.cause == Cause::lost) return false;
    if (a.cause != b.cause || a.width != b.width) return false;
    if (options_.pc && a.has(has_pc) && b.has(has_pc) && a.pc != b.pc) return false;
    if (options_.address && a.address != b.address) return false;
    if (options_.value && (a.has(has_value) != b.has(has_value) || a.value != b.value))
      return false;
    return !options_.registers || std::ranges::equal(a_.changes_of(a), b_.changes_of(b));
  }

  void compare(u16 vcpu, std::span<const Event* const> a, std::span<const Event* const> b,
               Comparison& into) const {
    usize i = 0, j = 0;
    while (i < a.size() || j < b.size()) {
      if (i < a.size() && j < b.size() && alike(*a[i], *b[j])) {
        ++i, ++j, ++into.alike;
        continue;
      }
      Difference difference{vcpu, i, a.size(), j, b.size()};
      const bool enough = into.differences.size() + 1 >= most_differences;
      const bool again = !enough && find_agreement(a, b, difference);
      into.differences.push_back(difference);
      if (!again) {
        // One that simply ended is no reason to say that they never agreed again.
        into.stopped |= i < a.size() && j < b.size();
        return;
      }
      i = difference.a_end;
      j = difference.b_end;
    }
  }

 private:
  bool agree_from(std::span<const Event* const> a, usize i, std::span<const Event* const> b,
                  usize j) const {
    const usize length = std::min({agreement, a.size() - i, b.size() - j});
    // At the very end of one of them fewer will do, if both end.
    if (length == 0 || (length < agreement && a.size() - i != b.size() - j)) return false;
    for (usize k = 0; k < length; ++k)
      if (!alike(*a[i + k], *b[j + k])) return false;
    return true;
  }

  // The nearest place: the fewest events left out of both together.
  bool find_agreement(std::span<const Event* const> a, std::span<const Event* const> b,
                      Difference& difference) const {
    const usize a_room = a.size() - difference.a, b_room = b.size() - difference.b;
    for (usize skipped = 1; skipped <= 2 * window; ++skipped)
      for (usize of_a = skipped > window ? skipped - window : 0; of_a <= std::min(skipped, window);
           ++of_a) {
        const usize of_b = skipped - of_a;
        if (of_a >= a_room || of_b >= b_room) continue;
        if (!agree_from(a, difference.a + of_a, b, difference.b + of_b)) continue;
        difference.a_end = difference.a + of_a;
        difference.b_end = difference.b + of_b;
        return true;
      }
    return false;
  }

  const Trace& a_;
  const Trace& b_;
  const CompareOptions& options_;
};

u64 time_of(const Comparison& comparison, const Difference& difference) {
  const auto& a = comparison.a[difference.vcpu];
  const auto& b = comparison.b[difference.vcpu];
  if (difference.a < a.size()) return a[difference.a]->time_ns;
  if (difference.b < b.size()) return b[difference.b]->time_ns;
  return ~u64{0};
}

}  // namespace

Comparison compare(const Trace& a, const Trace& b, const CompareOptions& options) {
  Comparison result;
  const Comparer comparer(a, b, options);
  const usize vcpus = std::max(a.vcpus.size(), b.vcpus.size());
  for (usize i = 0; i < vcpus; ++i) {
    result.a.push_back(comparer.chosen(a, i));
    result.b.push_back(comparer.chosen(b, i));
    comparer.compare(static_cast<u16>(i), result.a[i], result.b[i], result);
  }
  for (usize i = 0; i < result.differences.size(); ++i)
    if (!result.first ||
        time_of(result, result.differences[i]) < time_of(result, result.differences[*result.first]))
      result.first = i;
  return result;
}

std::vector<Known> registers_after(const Trace& trace, std::span<const Event* const> events,
                                   usize count) {
  std::vector<Known> registers;
  for (const Event* event : events.first(std::min(count, events.size())))
    for (const Change& change : trace.changes_of(*event)) {
      if (change.index >= 1024) continue;
      if (change.index >= registers.size()) registers.resize(change.index + usize{1});
      registers[change.index] = {change.value, true};
    }
  return registers;
}

}  // namespace pv::trace
