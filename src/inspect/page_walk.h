// From a guest's virtual addresses to its physical ones, through the guest's own page tables: what
// every architecture's walk has in common. The walks are <arch>/page_walk.h.
//
// Tables belong to the guest: each entry is read once, and a walk reads at most `max_steps` of
// them. Absent: stage 2 (a guest-physical address is the end), TLBs (a CPU may still use what the
// tables no longer say).
#pragma once

#include <array>
#include <functional>
#include <span>

#include "base/result.h"
#include "base/types.h"

namespace pv::inspect {

// Copies guest-physical memory out: false (and `into` is of no value) where there is no RAM.
using ReadPhysical = std::function<bool(u64 address, MutableBytes into)>;

struct Rights {
  bool read = false, write = false, execute = false;
  bool operator==(const Rights&) const = default;
};

struct Translation {
  u64 physical = 0;
  u64 size = 0;  // of the page or block that holds it, a power of two; 0: no translation is on
  Rights kernel, user;
  bool device = false;  // device memory: accesses are not to be repeated or merged
  bool operator==(const Translation&) const = default;
};

// One entry that a walk has read: for people who want to see why.
struct Step {
  int level = 0;    // as the architecture counts
  u64 address = 0;  // guest-physical, of the entry
  u64 entry = 0;
};

class Steps {
 public:
  static constexpr usize max_steps = 8;
  void add(Step step) {
    if (count_ < max_steps) steps_[count_++] = step;
  }
  std::span<const Step> all() const { return {steps_.data(), count_}; }

 private:
  std::array<Step, max_steps> steps_{};
  usize count_ = 0;
};

// One vCPU's address space, as its registers were when this was made.
class PageWalk {
 public:
  virtual ~PageWalk() = default;
  // Whatever the rights are: whoever cares compares. `steps`, if given, gets each entry that was
  // read, also where the walk then fails. Errors (Kind::image): not mapped, or the tables are
  // broken; the message says at which level and why.
  virtual Result<Translation> translate(u64 address, Steps* steps = nullptr) const = 0;
};

// Reads `into.size()` bytes of virtual memory, page by page. Errors: as translate(), or there is
// no RAM behind an address; `into` is then partly filled.
Result<void> read_virtual(const PageWalk& walk, const ReadPhysical& read, u64 address,
                          MutableBytes into);

}  // namespace pv::inspect
