#include "inspect/own_breakpoint.h"

#include "base/text.h"
#include "inspect/aarch64/exception.h"

namespace pv::inspect {
namespace {

class Held final : public aarch64::Registers {
 public:
  Held(const hv::RegisterFile& file, const WriteRegister& write) : file_(file), write_(write) {}
  Result<hv::RegisterValue> read(usize place) override { return file_.values[place]; }
  Result<void> write(usize place, hv::RegisterValue value) override { return write_(place, value); }

 private:
  const hv::RegisterFile& file_;
  const WriteRegister& write_;
};

Result<bool> give_riscv64(const hv::RegisterFile& file, const WriteRegister& write) {
  constexpr u64 sie = 1 << 1, spie = 1 << 5, spp = 1 << 8, breakpoint = 3, supervisor = 1;
  u64 pc = file.get_or("pc", 0), status = file.get_or("sstatus", 0);
  u64 next = status & ~(sie | spie | spp);
  if ((status & sie) != 0) next |= spie;
  if (file.get_or("priv", 0) == supervisor) next |= spp;
  auto set = [&](const char* name, u64 value) { return write(*file.index(name), {value, 0}); };
  TRY(set("sepc", pc));
  TRY(set("scause", breakpoint));
  TRY(set("stval", pc));
  TRY(set("sstatus", next));
  TRY(set("priv", supervisor));
  TRY(set("pc", file.get_or("stvec", 0) & ~u64{3}));  // exceptions go to the base in both modes
  return true;
}

}  // namespace

Result<bool> give_breakpoint(const hv::RegisterFile& registers, u32 instruction,
                             const WriteRegister& write) {
  switch (registers.arch) {
    case Arch::aarch64: {
      Held held(registers, write);
      TRY(aarch64::take(aarch64::Breakpoint{static_cast<u16>(instruction >> 5)}, held));
      return true;
    }
    case Arch::riscv64: return give_riscv64(registers, write);
    case Arch::powerpc:
    case Arch::x86_64: break;
  }
  return false;
}

}  // namespace pv::inspect
