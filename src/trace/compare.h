// Two traces of what should be the same run, held against each other without regard to time: where
// the first thing differs, and whether both go on alike after it.
//
// Each vCPU is compared by itself: how vCPUs interleave is chance. Two events are alike when cause,
// program counter, address, width and value agree, and of a step the registers; what is ignored is
// the caller's choice.
#pragma once

#include <optional>
#include <vector>

#include "trace/reader.h"

namespace pv::trace {

struct CompareOptions {
  bool pc = true;
  bool address = true;
  bool value = true;
  bool registers = true;
  bool interrupted = false;  // exits that the host caused (a signal): chance
};

// A stretch in which the two differ: [a, a_end) of one and [b, b_end) of the other.
struct Difference {
  u16 vcpu = 0;
  usize a = 0, a_end = 0;
  usize b = 0, b_end = 0;
};

struct Comparison {
  // What was compared, by vCPU: events of the traces without those that are ignored.
  std::vector<std::vector<const Event*>> a, b;
  std::vector<Difference> differences;  // of each vCPU in order, vCPUs in order
  usize alike = 0;                      // events that agree
  bool stopped = false;  // after a difference they never agreed again, or there were too many
  // The difference that comes first in time (of A, and where A has ended, of B).
  std::optional<usize> first;
};

Comparison compare(const Trace& a, const Trace& b, const CompareOptions& options);

// Registers as a step trace tells them after the first `count` events of a vCPU: by index.
struct Known {
  u64 value = 0;
  bool known = false;
};
std::vector<Known> registers_after(const Trace& trace, std::span<const Event* const> events,
                                   usize count);

}  // namespace pv::trace
