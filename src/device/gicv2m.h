// GicV2m: a frame that turns messages into shared peripheral interrupts of a GIC without an ITS
// (Arm Server Base System Architecture 7.1, appendix I, "GICv2m"): a write of an interrupt's number
// raises it as an edge. Its registers also answer the guest's own accesses.
//
//   device tree   v2m@8020000 { compatible = "arm,gic-v2m-frame"; msi-controller; reg = <...>; };
//   Linux         CONFIG_ARM_GIC_V2M
#pragma once

#include <memory>
#include <vector>

#include "bus/mmio_device.h"
#include "hv/irq_line.h"
#include "hv/msi.h"

namespace pv::device {

class GicV2m final : public bus::MmioDevice, public hv::MsiTarget {
 public:
  static constexpr u64 size = 0x1000;

  // `address`: where the guest finds the frame; lines[n] is the interrupt with the number first +
  // n, as the GIC counts (shared ones from 32 on). The lines outlive the frame.
  GicV2m(u64 address, u32 first, std::vector<hv::IrqLine*> lines)
      : address_(address), first_(first), lines_(std::move(lines)) {}

  void signal(const hv::Msi& msi) override;
  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  // Stateless.
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }

 private:
  enum Reg : u64 { MSI_TYPER = 0x008, MSI_SETSPI_NS = 0x040, MSI_IIDR = 0xfcc };
  void raise(u64 number);

  u64 address_;
  u32 first_;
  std::vector<hv::IrqLine*> lines_;
};

}  // namespace pv::device
