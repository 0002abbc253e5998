#include "machine/aarch64/board.h"

#include "base/check.h"
#include "base/text.h"

namespace pv::machine::aarch64 {
namespace {

// Interrupt specifiers of the GIC bindings: <type number flags>.
constexpr u32 spi_type = 0, ppi_type = 1;
constexpr u32 edge_rising = 1, level_high = 4;
// Of a GIC of our own, which is one device of two frames.
constexpr u64 own_cpu_interface_size = device::GicV2::size - device::GicV2::cpu_interface;
static_assert(device::GicV2::cpu_interface == gic_distributor_size);

}  // namespace

Board::Board(const Spec& spec)
    : FdtMachine(Arch::aarch64, spec, map_of(spec).ram_base, map_of(spec).uarts),
      map_(map_of(spec)) {}

Board::~Board() = default;

const MemoryMap& Board::map_of(const Spec& spec) {
  const MemoryMap* map = find_board(spec.board);
  CHECK(map != nullptr);  // machine::create() has looked
  return *map;
}

Result<IrqChip> Board::choose_irqchip(const std::function<bool(IrqChipKind)>& supported) {
  TRY(check_pci(spec_, map_.pci, map_.name));
  IrqChipKind kind = spec_.irqchip;
  if (kind == IrqChipKind::automatic) {
    kind = IrqChipKind::user;
    if (supported(IrqChipKind::gicv2)) kind = IrqChipKind::gicv2;
    if (supported(IrqChipKind::gicv3)) kind = IrqChipKind::gicv3;
  }
  if (kind != IrqChipKind::gicv2 && kind != IrqChipKind::gicv3 && kind != IrqChipKind::user)
    return fail(Error::Kind::usage, text("--irqchip {} does not exist on aarch64", name(kind)),
                "choose gicv3, gicv2, user or auto");
  if (!supported(kind)) return std::unexpected(refusal(kind));
  unsigned most = kind == IrqChipKind::gicv3 ? map_.most_cpus : device::GicV2::max_cpus;
  if (spec_.cpus > most)
    return fail(Error::Kind::usage,
                text("{} CPUs are more than the {} that a {} serves here", spec_.cpus, most,
                     kind == IrqChipKind::gicv3 ? "GICv3" : "GICv2"),
                "ask for fewer with --cpus");
  const u64 distributor = map_.gic_distributor;
  if (kind == IrqChipKind::user)
    chip_ = UserIrqChip{};
  else if (kind == IrqChipKind::gicv3)
    chip_ = GicV3{distributor, map_.redistributors(spec_.cpus), gic_interrupts,
                  spec_.has_pci() && supported(IrqChipKind::its) ? map_.its(spec_.cpus) : 0};
  else
    chip_ = GicV2{distributor, map_.gic_cpu_interface, interrupts()};
  return chip_;
}

bool Board::has_its() const {
  const auto* v3 = std::get_if<GicV3>(&chip_);
  return v3 != nullptr && v3->its != 0;
}

// A GICv2's: GICv2m takes some of them.
u32 Board::interrupts() const {
  return spec_.has_pci() ? gic_interrupts_with_gicv2m : gic_interrupts;
}

Error Board::refusal(IrqChipKind kind) const {
  if (kind == IrqChipKind::user)
    return {Error::Kind::host,
            spec_.irqchip == IrqChipKind::user
                ? "this host's KVM cannot run a guest whose interrupt controller is in user space "
                  "(KVM_CAP_ARM_USER_IRQ)"
                : "this host's KVM has no virtual interrupt controller, neither GICv3 nor GICv2, "
                  "and cannot do without one (KVM_CAP_ARM_USER_IRQ)",
            "polyvisor doctor says why",
            spec_.irqchip == IrqChipKind::user ? "user-irqchip" : "vgic"};
  bool v3 = kind == IrqChipKind::gicv3;
  return {Error::Kind::host, text("this host's KVM has no virtual {}", v3 ? "GICv3" : "GICv2"),
          v3 ? "use --irqchip gicv2, user or auto" : "use --irqchip gicv3, user or auto",
          v3 ? "gicv3" : "gicv2"};
}

// The levels of the timers, which KVM keeps, come in as private interrupts.
void Board::build_gic(const Wiring& wiring) {
  std::vector<device::ExternalInterrupt*> outputs;
  for (hv::Vcpu* vcpu : wiring.vcpus) {
    inputs_.emplace_back(*vcpu);
    outputs.push_back(&inputs_.back());
  }
  gic_ = std::make_unique<device::GicV2>(interrupts(), std::move(outputs));
  for (hv::Vcpu* vcpu : wiring.vcpus)
    vcpu->watch_private_interrupts(
        [gic = gic_.get(), cpu = vcpu->index()](hv::Vcpu::Private which, bool level) {
          constexpr u32 first_ppi = 16;
          u32 number = which == hv::Vcpu::Private::virtual_timer    ? ppi::virtual_timer
                       : which == hv::Vcpu::Private::physical_timer ? ppi::physical_timer
                                                                    : ppi::pmu;
          gic->set_private(cpu, first_ppi + number, level);
        });
}

Result<void> Board::attach_gic(bus::Bus& mmio) {
  bus::Bus::Transaction change(mmio);
  TRY(change.attach({map_.gic_distributor, gic_distributor_size}, *gic_, "gic"));
  TRY(change.attach({map_.gic_cpu_interface, own_cpu_interface_size}, *gic_, "gic",
                    device::GicV2::cpu_interface));
  change.commit();
  return {};
}

Result<hv::IrqLine*> Board::line(const Wiring& wiring, u32 spi) {
  if (gic_) return &gic_->shared(spi);
  lines_.push_back(TRY(wiring.vm.irq_line(spi)));
  return lines_.back().get();
}

Result<void> Board::build(const Wiring& wiring, const HostFacts&) {
  use(wiring);
  if (std::holds_alternative<UserIrqChip>(chip_)) {
    build_gic(wiring);
    TRY(attach_gic(wiring.mmio));
  }
  TRY(build_uarts(wiring, [&](u32 spi) { return line(wiring, spi); }));
  rtc_ = std::make_unique<device::Pl031>(*TRY(line(wiring, map_.rtc.spi)), wiring.clock);
  TRY(wiring.mmio.attach({map_.rtc.base, map_.rtc.size}, *rtc_, "pl031"));
  test_exit_ = std::make_unique<device::SifiveTest>(wiring.power);
  TRY(wiring.mmio.attach({map_.test_exit.base, map_.test_exit.size}, *test_exit_, "test exit"));
  panic_ = std::make_unique<device::GuestPanic>(wiring.power);
  TRY(wiring.mmio.attach({map_.panic.base, map_.panic.size}, *panic_, "panic"));
  if (spec_.has_pci()) return build_pci(wiring);
  return virtio_.build(wiring, map_.virtio.base, map_.virtio.size, map_.virtio.spi,
                       map_.virtio_slots, [&](u32 spi) { return line(wiring, spi); });
}

Result<hv::MsiTarget*> Board::build_msis(const Wiring& wiring) {
  if (has_its()) {
    its_ = TRY(wiring.vm.msi_target());
    return its_.get();
  }
  if (std::holds_alternative<GicV3>(chip_)) return nullptr;  // without ITS: INTA#
  constexpr u32 first_shared = 32;
  std::vector<hv::IrqLine*> lines;
  for (u32 n = 0; n < gicv2m_spis; ++n) lines.push_back(TRY(line(wiring, gicv2m_first_spi + n)));
  gicv2m_ = std::make_unique<device::GicV2m>(map_.gicv2m, first_shared + gicv2m_first_spi,
                                             std::move(lines));
  TRY(wiring.mmio.attach({map_.gicv2m, device::GicV2m::size}, *gicv2m_, "gicv2m"));
  return gicv2m_.get();
}

Result<void> Board::build_pci(const Wiring& wiring) {
  hv::MsiTarget* msis = TRY(build_msis(wiring));
  return pci_.build(
      wiring, map_.pci, wiring.mmio, [&](u32 spi) { return line(wiring, spi); }, msis,
      spec_.virtio);
}

machine::BootState Board::boot_state(unsigned cpu) const {
  return aarch64::BootState{.powered_off = cpu != 0, .pc = entry(), .x0 = tree_address()};
}

std::string Board::uart_path(usize port) const {
  return text("/{}@{:x}", map_.uart_node, map_.uarts.windows[port].base);
}

void Board::add_cpus(boot::FdtBuilder& fdt) const {
  auto cpus = fdt.node("cpus");
  fdt.prop("#address-cells", 1u);
  fdt.prop("#size-cells", 0u);
  for (unsigned cpu = 0; cpu < spec_.cpus; ++cpu) {
    // KVM's MPIDR_EL1: 16 CPUs in each Aff0, so that GICv3 can address them in one list.
    u32 mpidr = (cpu & 15) | (cpu >> 4) << 8;
    auto node = fdt.node("cpu", mpidr);
    fdt.prop("device_type", "cpu");
    fdt.prop("compatible", "arm,armv8");
    fdt.prop("reg", mpidr);
    fdt.prop("enable-method", "psci");
  }
}

void Board::add_gic(boot::FdtBuilder& fdt, u32 phandle, u32* msi_phandle) const {
  const u64 distributor = map_.gic_distributor;
  const u64 cpu_interface_size = std::holds_alternative<UserIrqChip>(chip_)
                                     ? own_cpu_interface_size
                                     : map_.gic_cpu_interface_size;
  auto node = fdt.node("intc", distributor);
  bool v3 = std::holds_alternative<GicV3>(chip_);
  fdt.prop("compatible", v3 ? "arm,gic-v3" : "arm,cortex-a15-gic");
  fdt.prop("#interrupt-cells", 3u);
  fdt.prop("#address-cells", 2u);
  fdt.prop("#size-cells", 2u);
  fdt.prop("interrupt-controller");
  if (v3)
    fdt.reg({{distributor, gic_distributor_size},
             {map_.redistributors(spec_.cpus), spec_.cpus * gic_redistributor_size}});
  else
    fdt.reg({{distributor, gic_distributor_size}, {map_.gic_cpu_interface, cpu_interface_size}});
  fdt.prop("phandle", phandle);
  if (!spec_.has_pci()) return;
  fdt.prop("ranges");
  *msi_phandle = add_msis(fdt);
}

u32 Board::add_msis(boot::FdtBuilder& fdt) const {
  if (has_its()) {
    const u64 base = map_.its(spec_.cpus);
    auto node = fdt.node("its", base);
    const u32 phandle = fdt.next_phandle();
    fdt.prop("compatible", "arm,gic-v3-its");
    fdt.prop("msi-controller");
    fdt.prop("#msi-cells", 1u);
    fdt.reg({{base, gic_its_size}});
    fdt.prop("phandle", phandle);
    return phandle;
  }
  if (!gicv2m_) return 0;
  auto node = fdt.node("v2m", map_.gicv2m);
  const u32 phandle = fdt.next_phandle();
  fdt.prop("compatible", "arm,gic-v2m-frame");
  fdt.prop("msi-controller");
  fdt.reg({{map_.gicv2m, device::GicV2m::size}});
  fdt.prop("phandle", phandle);
  return phandle;
}

void Board::add_timer(boot::FdtBuilder& fdt) const {
  auto node = fdt.node("timer");
  fdt.prop("compatible", "arm,armv8-timer");
  fdt.prop("always-on");
  // GICv2 has a mask of CPUs in the flags of a private interrupt.
  bool v2 = !std::holds_alternative<GicV3>(chip_);
  u32 flags = level_high | (v2 ? ((1u << spec_.cpus) - 1) << 8 : 0);
  fdt.cells("interrupts",
            {ppi_type, ppi::secure_timer, flags, ppi_type, ppi::physical_timer, flags, ppi_type,
             ppi::virtual_timer, flags, ppi_type, ppi::hypervisor_timer, flags});
}

void Board::add_peripherals(boot::FdtBuilder& fdt) const {
  u32 clock = fdt.next_phandle();
  {
    auto node = fdt.node("apb-pclk");
    fdt.prop("compatible", "fixed-clock");
    fdt.prop("#clock-cells", 0u);
    fdt.prop("clock-frequency", 24'000'000u);
    fdt.prop("phandle", clock);
  }
  for (usize port = 0; port < max_uarts; ++port) {
    if (!uarts_.present(port)) continue;
    const UartWindow& window = uarts_.window(port);
    auto node = fdt.node(map_.uart_node, window.base);
    const bool pl011 = map_.uarts.kind == UartKind::pl011;
    if (pl011)
      fdt.strings("compatible", {"arm,pl011", "arm,primecell"});
    else
      fdt.prop("compatible", "ns16550a");
    fdt.reg({{window.base, window.size}});
    fdt.cells("interrupts", {spi_type, window.irq, level_high});
    if (!pl011) {
      fdt.prop("clock-frequency", map_.uart_clock_hz);
      continue;
    }
    fdt.cells("clocks", {clock, clock});
    fdt.strings("clock-names", {"uartclk", "apb_pclk"});
  }
  {
    auto node = fdt.node("pl031", map_.rtc.base);
    fdt.strings("compatible", {"arm,pl031", "arm,primecell"});
    fdt.reg({{map_.rtc.base, map_.rtc.size}});
    fdt.cells("interrupts", {spi_type, map_.rtc.spi, level_high});
    fdt.cells("clocks", {clock});
    fdt.strings("clock-names", {"apb_pclk"});
  }
  add_panic(fdt, map_.panic.base, map_.panic.size);
  auto node = fdt.node("test-exit", map_.test_exit.base);
  fdt.strings("compatible", {"sifive,test1", "sifive,test0", "syscon"});
  fdt.reg({{map_.test_exit.base, map_.test_exit.size}});
}

Result<std::vector<u8>> Board::build_tree(const TreeInput& input) const {
  boot::FdtBuilder fdt;
  {
    auto root = fdt.node("");
    add_root(fdt, map_.compatible, map_.model);
    u32 gic = fdt.next_phandle();
    fdt.prop("interrupt-parent", gic);
    add_chosen(fdt, input);
    add_serial_aliases(fdt);
    auto ranges = ram();
    add_memory(fdt, ranges);
    add_cpus(fdt);
    {
      auto psci = fdt.node("psci");
      fdt.strings("compatible", {"arm,psci-1.0", "arm,psci-0.2"});
      fdt.prop("method", "hvc");
    }
    add_timer(fdt);
    u32 msis = 0;
    add_gic(fdt, gic, &msis);
    add_peripherals(fdt);
    if (spec_.has_pci())
      add_pci(fdt, map_.pci.memory.base, map_.pci,
              {gic, 2, [](u32 spi) { return std::vector<u32>{spi_type, spi, level_high}; }, msis,
               has_its()});
    add_virtio(fdt, virtio_slots(), map_.virtio.size,
               [](u32 spi) { return std::vector<u32>{spi_type, spi, edge_rising}; });
  }
  return fdt.finish();
}

}  // namespace pv::machine::aarch64
