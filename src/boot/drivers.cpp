// The drivers that a Linux guest uses on polyvisor's machines, and whether a kernel has them. The
// marks are strings of the drivers' own (compatible and device names), seen in kernels whose
// configuration is known (Linux 6.1 and 6.12).
#include <algorithm>

#include "boot/inspection.h"

namespace pv::boot {
namespace {

constexpr const char* no_console =
    "nothing that it says will be seen, unless it has another console";
constexpr const char* no_disk = "disks are not seen unless the initrd brings the module";
constexpr const char* no_virtio =
    "it sees no disk, entropy or console device but by modules of the initrd";
constexpr const char* no_hvc = "--console virtio needs it";
constexpr const char* no_rng = "--rng needs it";
constexpr const char* no_panic = "a panic looks like a reset, or like a hang";

constexpr Driver blk{"VIRTIO_BLK", "virtio_blk", "virtio disks", no_disk, false};
constexpr Driver hvc{"VIRTIO_CONSOLE", "virtio_console", "the virtio console", no_hvc, false};
constexpr Driver rng{"HW_RANDOM_VIRTIO", "virtio_rng", "virtio entropy", no_rng, false};
constexpr Driver mmio{"VIRTIO_MMIO", "virtio,mmio", "virtio over MMIO", no_virtio, false};
constexpr Driver panic{"PVPANIC_MMIO", "qemu,pvpanic-mmio", "the panic register", no_panic, false};

constexpr Driver aarch64_drivers[] = {
    {"SERIAL_AMBA_PL011_CONSOLE", "ttyAMA", "the serial console ttyAMA0 (PL011)", no_console, true},
    {"ARM_GIC_V3", "arm,gic-v3", "the interrupt controller GICv3",
     "it gets no interrupts on hosts with a GICv3", true},
    {"ARM_GIC", "arm,cortex-a15-gic", "the interrupt controller GICv2",
     "it gets no interrupts on hosts with a GICv2", false},
    mmio,
    blk,
    hvc,
    rng,
    panic};

constexpr Driver riscv64_drivers[] = {
    {"SERIAL_OF_PLATFORM", "ns16550a", "the serial console ttyS0 (16550)", no_console, true},
    {"SIFIVE_PLIC", "sifive,plic-1.0.0", "the interrupt controller PLIC",
     "it gets no interrupts on hosts without AIA", true},
    {"RISCV_APLIC", "riscv,aplic", "the interrupt controller AIA",
     "it gets no interrupts on hosts with AIA but by --irqchip plic", false},
    mmio,
    blk,
    hvc,
    rng,
    panic};

constexpr Driver powerpc_drivers[] = {
    {"SERIAL_OF_PLATFORM", "ns16550", "the serial console ttyS0 (16550)", no_console, true},
    {"MPIC", "fsl,mpic", "the interrupt controller MPIC", "it gets no interrupts", true},
    mmio,
    blk,
    hvc,
    rng,
    panic};

constexpr Driver x86_64_drivers[] = {
    {"SERIAL_8250_CONSOLE", "ttyS", "the serial console ttyS0 (16550)", no_console, true},
    {"VIRTIO_MMIO", "LNRO0005", "virtio over MMIO", no_virtio, false},
    blk,
    hvc,
    rng,
    {"PVPANIC_MMIO", "QEMU0001", "the panic port", no_panic, false}};

}  // namespace

std::span<const Driver> drivers_for(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return aarch64_drivers;
    case Arch::riscv64: return riscv64_drivers;
    case Arch::powerpc: return powerpc_drivers;
    case Arch::x86_64: return x86_64_drivers;
  }
  return {};
}

std::vector<DriverState> Inspection::drivers(Arch machine) const {
  std::vector<DriverState> states;
  if (!is_linux()) return states;
  for (const Driver& driver : drivers_for(machine)) {
    Presence presence = Presence::unknown;
    if (config)
      presence = config->built_in(driver.option) ? Presence::built_in
                 : config->module(driver.option) ? Presence::module
                                                 : Presence::absent;
    else if (searched)
      presence = std::ranges::find(marks, driver.mark) != marks.end() ? Presence::built_in
                                                                      : Presence::absent;
    states.push_back({&driver, presence});
  }
  return states;
}

}  // namespace pv::boot
