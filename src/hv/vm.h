// Vm: what a hypervisor offers a machine, without saying which one. kvm/ implements it; hv/fake.h
// does for unit tests.
#pragma once

#include <functional>
#include <memory>

#include "base/fd.h"
#include "base/result.h"
#include "bus/bus.h"
#include "hv/irq_line.h"
#include "hv/msi.h"
#include "hv/vcpu.h"
#include "memory/guest_memory.h"

namespace pv::hv {

enum class Space : u8 { mmio, pio };

// A posted write that was buffered in the kernel (coalesced).
struct PostedWrite {
  Space space;
  u64 address;
  Width width;
  u64 value;
};

class Vm {
 public:
  virtual ~Vm() = default;

  // Makes host memory appear as guest RAM.
  virtual Result<void> map_ram(const memory::HostRegion& region, bool read_only = false) = 0;

  virtual Result<std::unique_ptr<Vcpu>> create_vcpu(unsigned index) = 0;

  // A line into the in-kernel interrupt controller; `gsi` as the machine's table numbers it
  // (aarch64: SPI number from 0; riscv64 AIA: APLIC source; x86: I/O APIC pin).
  // Errors: no in-kernel interrupt controller.
  virtual Result<std::unique_ptr<IrqLine>> irq_line(u32 gsi) = 0;

  // The doorbell's writes signal its event in the kernel instead of exiting (a width of 0: of any
  // width). Both at any time, by any thread; detaching what is not there does nothing.
  virtual Result<void> attach_doorbell(Space space, const bus::Doorbell& doorbell) = 0;
  virtual void detach_doorbell(Space space, const bus::Doorbell& doorbell) = 0;

  // Where messages go that the in-kernel interrupt controller takes. Errors: it takes none.
  virtual Result<std::unique_ptr<MsiTarget>> msi_target() = 0;

  // Writes in the range are buffered in the kernel and seen by drain_posted() later, in order.
  // Errors: the host cannot (then every write exits, nothing else changes).
  virtual Result<void> coalesce_writes(Space space, bus::Range range) = 0;

  // Hands every buffered write to `sink` in order. Any thread; calls are serialised.
  virtual void drain_posted(const std::function<void(const PostedWrite&)>& sink) = 0;
};

}  // namespace pv::hv
