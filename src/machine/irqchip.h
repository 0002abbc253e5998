// Interrupt controllers that live in the kernel, as plain data: what a machine asks of KVM.
#pragma once

#include <string_view>
#include <variant>

#include "base/types.h"

namespace pv::machine {

// `its` is none to choose, but may be missing beside a GICv3.
enum class IrqChipKind : u8 { automatic, gicv2, gicv3, its, plic, aia, pc, mpic, user };

constexpr std::string_view name(IrqChipKind kind) {
  switch (kind) {
    case IrqChipKind::automatic: return "auto";
    case IrqChipKind::gicv2: return "gicv2";
    case IrqChipKind::gicv3: return "gicv3";
    case IrqChipKind::its: return "its";
    case IrqChipKind::plic: return "plic";
    case IrqChipKind::aia: return "aia";
    case IrqChipKind::pc: return "pc";
    case IrqChipKind::mpic: return "mpic";
    case IrqChipKind::user: return "user";
  }
  return "?";
}

// Arm GIC architecture 2.0: distributor and CPU interface.
struct GicV2 {
  u64 distributor;
  u64 cpu_interface;
  u32 irqs;  // SGIs, PPIs and SPIs together
};
// Arm GIC architecture 3: distributor and one region of redistributors (128 KiB for each vCPU).
struct GicV3 {
  u64 distributor;
  u64 redistributors;
  u32 irqs;
  u64 its = 0;  // Interrupt Translation Service: 128 KiB; 0: none
};
// RISC-V Advanced Interrupt Architecture: an APLIC and one IMSIC interrupt file for each hart.
struct Aia {
  u64 aplic;
  u64 imsic;
  u32 sources;
  u32 ids;
};
// Freescale's MPIC, an OpenPIC: 256 KiB of registers at `base`.
struct Mpic {
  u64 base;
};
// The PC's pair of 8259s, an I/O APIC and the local APICs.
struct PcIrqChip {};
// Nothing in the kernel: the machine brings a controller of its own.
struct UserIrqChip {};

using IrqChip = std::variant<UserIrqChip, GicV2, GicV3, Aia, Mpic, PcIrqChip>;

}  // namespace pv::machine
