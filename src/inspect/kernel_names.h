// Names for a guest kernel's addresses from what there is: the symbols of a file, moved to where
// the kernel is (KASLR), and the table that the kernel carries in its own memory (kallsyms.h).
//
// How far it was moved is told by a register that holds the address of code with a known name
// (aarch64: VBAR_EL1, riscv64: stvec, x86_64: the IDT's page-fault entry), or by a name that stands
// in both. Absent: powerpc's KASLR, a kernel that runs with the MMU off at another address.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "hv/registers.h"
#include "inspect/kallsyms.h"
#include "inspect/subject.h"
#include "inspect/symbols.h"

namespace pv::inspect {

class KernelNames final : public Names {
 public:
  // `file` may be null, else it outlives this.
  explicit KernelNames(const Symbols* file) : file_(file) {}

  // Searches the guest's memory for its own table, first around guest-physical `kernel`.
  void find_own(Subject& subject, u64 kernel, const std::function<bool()>& go_on);
  // Finds out how far the kernel was moved, by these CPUs' registers.
  void settle(Subject& subject, const std::vector<hv::RegisterFile>& cpus);

  bool any() const { return file_ != nullptr || own_.has_value(); }
  std::string describe(u64 address) const override;
  std::optional<u64> address_of(std::string_view name) const;
  // Where the names are from, a line for people; empty: there are none.
  std::string note() const;

 private:
  bool settle_by_registers(Subject& subject, const hv::RegisterFile& cpu);
  bool moved(u64 there, std::string_view name, std::string how);

  const Symbols* file_;
  std::optional<Kallsyms> own_;
  u64 move_ = 0;     // added to the file's addresses
  std::string how_;  // that was found out
};

}  // namespace pv::inspect
