// Scene: one vCPU as the rules of the diagnosis see it: some moments of its registers, and its
// memory now.
#pragma once

#include "inspect/diagnosis/architecture.h"
#include "inspect/diagnosis/verdict.h"
#include "inspect/subject.h"
#include "inspect/symbols.h"

namespace pv::inspect {

class Scene {
 public:
  Scene(Subject& subject, unsigned cpu);
  // How addresses are named from now on; null: not at all.
  void name_by(const Names* names) { names_ = names; }
  // That the guest's kernel is Linux, which does not idle in a loop.
  void set_linux() { linux_ = true; }
  bool is_linux() const { return linux_; }

  void add(hv::RegisterFile file);
  bool empty() const { return files_.empty(); }
  usize count() const { return files_.size(); }

  unsigned cpu() const { return cpu_; }
  Arch arch() const { return subject_.facts().arch; }
  const Architecture& architecture() const { return architecture_; }
  const Facts& facts() const { return subject_.facts(); }
  Subject& subject() const { return subject_; }
  const Names* names() const { return names_; }

  // The last sample.
  const hv::RegisterFile& file() const { return files_.back(); }
  const CpuState& state() const { return states_.back(); }
  const std::vector<hv::RegisterFile>& files() const { return files_; }
  const std::vector<CpuState>& states() const { return states_; }
  // How many samples fulfil `condition(state)`.
  template <class F>
  usize samples_with(F condition) const {
    usize n = 0;
    for (const CpuState& one : states_)
      if (condition(one)) ++n;
    return n;
  }

  // Virtual memory of this CPU.
  bool read(u64 address, MutableBytes into) const {
    return subject_.read_virtual(file(), address, into);
  }
  std::optional<u32> word(u64 address) const;  // in the CPU's byte order
  Instruction instruction(u64 address) const;  // size 0: not readable
  // False also where the subject cannot know (a dump).
  bool readable(u64 address) const;
  // Whether it is known that there is nothing: a live guest without memory there.
  bool nothing_at(u64 address) const { return subject_.facts().live && !readable(address); }
  bool zeros_at(u64 address) const;
  // "0xffffffc010010a34" or with its symbol.
  std::string place(u64 address) const;
  // The same of an address that a function returns to. A call that never returns may be its
  // function's end, where the next begins: the one that called is named.
  std::string return_place(u64 address) const;

 private:
  Subject& subject_;
  unsigned cpu_;
  const Names* names_ = nullptr;
  bool linux_ = false;
  const Architecture& architecture_;
  std::vector<hv::RegisterFile> files_;
  std::vector<CpuState> states_;
};

}  // namespace pv::inspect
