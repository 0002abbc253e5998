#include "machine/powerpc/board.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "machine/powerpc/memory_map.h"
#include "machine/powerpc/spin_table.h"

namespace pv::machine::powerpc {
namespace {

constexpr u32 epapr_magic = 0x4550'4150;
// Second cell of an MPIC interrupt: level, active high, which is what the chip's own sources are
// (Linux bindings powerpc/fsl/mpic.txt: 1 is active low).
constexpr u32 level_high = 2;
constexpr u32 power_pin = 0;
constexpr u64 smallest_mapping = 64_MiB;
constexpr u64 largest_mapping = 1_GiB;
// How soon a waiting CPU sees that it has been started.
constexpr u32 looks_per_second = 500;

// Processor versions (upper half of the PVR) of the family; these two have 64 bits.
constexpr u32 e5500 = 0x8024;
constexpr u32 e6500 = 0x8040;

const char* core_name(u32 processor_version) {
  switch (processor_version >> 16) {
    case 0x8020: return "PowerPC,e500v1";
    case 0x8021: return "PowerPC,e500v2";
    case 0x8023: return "PowerPC,e500mc";
    case e5500: return "PowerPC,e5500";
    case e6500: return "PowerPC,e6500";
  }
  return "PowerPC,e500";
}

UartPlan uart_plan() {
  UartPlan plan{.kind = UartKind::ns16550, .windows = {}};
  for (usize port = 0; port < max_uarts; ++port)
    plan.windows[port] = {uarts[port].base(), uarts[port].size, uarts[port].irq};
  return plan;
}

}  // namespace

// The registers that an MPIC in the kernel leaves to us: version 4.2 passes some writes on that
// mean nothing to it. All read 0.
class Board::Unused final : public bus::MmioDevice {
 public:
  u64 read(bus::Access) override { return 0; }
  void write(bus::Access, u64) override {}
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }
};

Board::Board(const Spec& spec) : FdtMachine(Arch::powerpc, spec, ram_base, uart_plan()) {}
Board::~Board() = default;

u64 Board::highest_address() const { return std::max(bank().end(), ccsr + ccsr_size) - 1; }

Result<IrqChip> Board::choose_irqchip(const std::function<bool(IrqChipKind)>& supported) {
  IrqChipKind kind = spec_.irqchip;
  if (kind != IrqChipKind::automatic && kind != IrqChipKind::mpic)
    return fail(Error::Kind::usage, text("--irqchip {} does not exist on powerpc", name(kind)),
                "choose mpic or auto");
  if (!supported(IrqChipKind::mpic))
    return fail_check("mpic", "this host's KVM has no interrupt controller for guests (MPIC)");
  if (spec_.cpus > most_cpus)
    return fail(Error::Kind::usage,
                text("{} CPUs are more than the {} that an MPIC serves", spec_.cpus, most_cpus),
                "ask for fewer with --cpus");
  if (bank().end() > ccsr)
    return fail(Error::Kind::usage,
                text("{} of RAM reach the device registers at {:#x}", size_text(bank().size), ccsr),
                text("give the guest {} MiB at most with --mem", (ccsr - ram_base) / 1_MiB));
  return IrqChip(Mpic{mpic.base()});
}

Result<hv::IrqLine*> Board::line(const Wiring& wiring, u32 irq) {
  lines_.push_back(TRY(wiring.vm.irq_line(irq)));
  return lines_.back().get();
}

Result<void> Board::build(const Wiring& wiring, const HostFacts& facts) {
  use(wiring);
  facts_ = facts;
  unused_ = std::make_unique<Unused>();
  TRY(wiring.mmio.attach({mpic.base(), mpic.size}, *unused_, "mpic"));
  TRY(build_uarts(wiring, [&](u32 irq) { return line(wiring, irq); }));
  TRY(build_power(wiring));
  return virtio_.build(
      wiring, virtio.base(), virtio.size, virtio.irq, powerpc::virtio_slots,
      [&](u32 irq) { return line(wiring, irq); }, std::endian::big);
}

Result<void> Board::build_power(const Wiring& wiring) {
  guts_ = std::make_unique<device::Mpc85xxGuts>(wiring.power, facts_.processor_version,
                                                facts_.system_version);
  TRY(wiring.mmio.attach({guts.base(), guts.size}, *guts_, "global utilities"));
  gpio_ = std::make_unique<device::Mpc8xxxGpio>(wiring.power);
  TRY(wiring.mmio.attach({gpio.base(), gpio.size}, *gpio_, "gpio"));
  panic_ = std::make_unique<device::GuestPanic>(wiring.power);
  TRY(wiring.mmio.attach({panic.base(), panic.size}, *panic_, "panic"));
  test_exit_ = std::make_unique<device::SifiveTest>(wiring.power);
  return wiring.mmio.attach({test_exit.base(), test_exit.size}, *test_exit_, "test exit");
}

const char* Board::only_32_bits() const {
  if (facts_.guests_64_bits) return nullptr;
  u32 core = facts_.processor_version >> 16;
  return core == e5500 || core == e6500 ? "this host's kernel has 32 bits"
                                        : "this host's processor has 32 bits";
}

u64 Board::waiting_size() const { return spec_.cpus > 1 ? spin_page_size : 0; }

u64 Board::spin_entry(unsigned cpu) const { return spin_page_ + spin_entry_offset(cpu); }

Result<void> Board::placed(const boot::KernelImage& image, const boot::Layout& layout) {
  u64 end = image.extent().end();
  for (const auto& range : {layout.tree, layout.initrd, layout.waiting})
    if (range.size != 0) end = std::max(end, range.end());
  mapping_ = smallest_mapping;
  while (mapping_ < end && mapping_ < largest_mapping) mapping_ *= 4;
  if (end > mapping_)
    return fail(Error::Kind::image,
                text("kernel, device tree and initrd reach {:#x}; the mapping in which a guest "
                     "starts covers {} at most",
                     end, size_text(largest_mapping)),
                "use a smaller kernel or initrd");
  spin_page_ = layout.waiting.base.value();
  if (layout.waiting.size == 0) return {};
  SpinCode code{facts_.hypercall, facts_.hypercall_idle,
                std::max(facts_.timebase_hz / looks_per_second, 1u), static_cast<u32>(mapping_)};
  bool written = guest_ram().write_bytes(layout.waiting.base, build_spin_page(spec_.cpus, code));
  CHECK(written);
  return {};
}

machine::BootState Board::boot_state(unsigned cpu) const {
  BootState state;
  state.mapping = mapping_;
  state.r1 = std::min(bank().end(), u64{16_MiB}) - 8;
  if (cpu != 0) {
    state.pc = spin_page_;
    state.r3 = spin_entry(cpu);
    return state;
  }
  state.pc = entry();
  state.r3 = tree_address();
  state.r6 = epapr_magic;
  return state;
}

std::string Board::uart_path(usize port) const {
  return text("/soc@{:x}/serial@{:x}", ccsr, uarts[port].offset);
}

// KVM answers hypercalls itself. EV_UNIMPLEMENTED (Power ISA ePAPR hcalls) should one come.
Machine::CallResult Board::call(const hv::Hypercall&) { return {12, 0}; }

void Board::add_cpus(boot::FdtBuilder& fdt) const {
  auto cpus = fdt.node("cpus");
  fdt.prop("#address-cells", 1u);
  fdt.prop("#size-cells", 0u);
  for (unsigned cpu = 0; cpu < spec_.cpus; ++cpu) {
    auto node = fdt.node(core_name(facts_.processor_version), cpu);
    fdt.prop("device_type", "cpu");
    fdt.prop("reg", cpu);
    fdt.prop("timebase-frequency", facts_.timebase_hz);
    fdt.prop("clock-frequency", facts_.clock_hz);
    fdt.prop("bus-frequency", 0u);
    for (const char* which : {"d-cache", "i-cache"}) {
      fdt.prop(text("{}-line-size", which).c_str(), facts_.cache_line);
      fdt.prop(text("{}-size", which).c_str(), 0x8000u);
    }
    // Disabled means: waiting to be started (ePAPR 1.1, 3.7.1).
    fdt.prop("status", cpu == 0 ? "okay" : "disabled");
    if (cpu == 0) continue;
    fdt.prop("enable-method", "spin-table");
    fdt.prop("cpu-release-addr", spin_entry(cpu));
  }
}

void Board::add_hypervisor(boot::FdtBuilder& fdt) const {
  if (std::ranges::all_of(facts_.hypercall, [](u32 word) { return word == 0; })) return;
  auto node = fdt.node("hypervisor");
  fdt.prop("compatible", "linux,kvm");
  fdt.cells("hcall-instructions", facts_.hypercall);
  if (facts_.hypercall_idle) fdt.prop("has-idle");
}

void Board::add_mpic(boot::FdtBuilder& fdt, u32 phandle) const {
  auto node = fdt.node("pic", mpic.offset);
  fdt.prop("device_type", "open-pic");
  fdt.prop("compatible", "fsl,mpic");
  fdt.cells("reg", {static_cast<u32>(mpic.offset), static_cast<u32>(mpic.size)});
  fdt.prop("#address-cells", 0u);
  fdt.prop("#interrupt-cells", 2u);
  fdt.prop("interrupt-controller");
  fdt.prop("phandle", phandle);
}

void Board::add_peripherals(boot::FdtBuilder& fdt) const {
  auto window = [&](const Window& w) {
    fdt.cells("reg", {static_cast<u32>(w.offset), static_cast<u32>(w.size)});
    if (w.irq != 0) fdt.cells("interrupts", {w.irq, level_high});
  };
  for (usize port = 0; port < max_uarts; ++port) {
    if (!uarts_.present(port)) continue;
    auto node = fdt.node("serial", uarts[port].offset);
    fdt.prop("device_type", "serial");
    fdt.prop("compatible", "ns16550");
    window(uarts[port]);
    fdt.prop("cell-index", static_cast<u32>(port));
    fdt.prop("clock-frequency", uart_clock_hz);
    fdt.prop("current-speed", 115'200u);
  }
  for (const auto& slot : virtio_slots()) {
    Window w{slot.address - ccsr, virtio.size, slot.irq};
    auto node = fdt.node("virtio_mmio", w.offset);
    fdt.prop("compatible", "virtio,mmio");
    window(w);
    fdt.prop("dma-coherent");
  }
  {
    auto node = fdt.node("global-utilities", guts.offset);
    fdt.prop("compatible", "fsl,mpc8544-guts");
    window(guts);
    fdt.prop("fsl,has-rstcr");
  }
  {
    auto node = fdt.node("pvpanic-mmio", panic.offset);
    fdt.prop("compatible", "qemu,pvpanic-mmio");
    window(panic);
  }
  {
    auto node = fdt.node("test", test_exit.offset);
    fdt.strings("compatible", {"sifive,test1", "sifive,test0", "syscon"});
    window(test_exit);
    fdt.prop("big-endian");
  }
  u32 phandle = fdt.next_phandle();
  {
    auto node = fdt.node("gpio", gpio.offset);
    fdt.prop("compatible", "fsl,qoriq-gpio");
    window(gpio);
    fdt.prop("#gpio-cells", 2u);
    fdt.prop("gpio-controller");
    fdt.prop("phandle", phandle);
  }
  // Here and not beside the bus: Linux's platform makes devices of what lies on a simple-bus only.
  auto node = fdt.node("power-off");
  fdt.prop("compatible", "gpio-poweroff");
  fdt.cells("gpios", {phandle, power_pin, 0});
}

void Board::add_soc(boot::FdtBuilder& fdt) const {
  auto soc = fdt.node("soc", ccsr);
  fdt.prop("device_type", "soc");
  fdt.strings("compatible", {"fsl,mpc8544-immr", "simple-bus"});
  fdt.prop("#address-cells", 1u);
  fdt.prop("#size-cells", 1u);
  fdt.cells("ranges",
            {0, static_cast<u32>(ccsr >> 32), static_cast<u32>(ccsr), static_cast<u32>(ccsr_size)});
  fdt.prop("bus-frequency", 0u);
  u32 controller = fdt.next_phandle();
  fdt.prop("interrupt-parent", controller);
  add_mpic(fdt, controller);
  add_peripherals(fdt);
}

Result<std::vector<u8>> Board::build_tree(const TreeInput& input) const {
  boot::FdtBuilder fdt;
  if (spin_page_ != 0) fdt.reserve(spin_page_, spin_page_size);
  {
    auto root = fdt.node("");
    add_root(fdt, "fsl,qemu-e500", "polyvisor,ppce500");
    {
      auto aliases = fdt.node("aliases");
      for (usize port = 0; port < max_uarts; ++port)
        if (uarts_.present(port)) fdt.prop(text("serial{}", port).c_str(), uart_path(port));
    }
    add_chosen(fdt, input);
    auto ranges = ram();
    add_memory(fdt, ranges);
    add_cpus(fdt);
    add_hypervisor(fdt);
    add_soc(fdt);
  }
  return fdt.finish();
}

}  // namespace pv::machine::powerpc
