#include "machine/riscv64/board.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace pv::machine::riscv64 {
namespace {

// Interrupt types of the APLIC binding, as everywhere in device trees.
constexpr u32 edge_rising = 1, level_high = 4;
// The supervisor external interrupt of a hart's own controller (riscv,cpu-intc).
constexpr u32 supervisor_external = 9;
constexpr u32 no_interrupt = 0xffff'ffff;

}  // namespace

Board::Board(const Spec& spec)
    : FdtMachine(Arch::riscv64, spec, map_of(spec).ram_base, map_of(spec).uarts),
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
  if (kind == IrqChipKind::automatic)
    kind = supported(IrqChipKind::aia) ? IrqChipKind::aia : IrqChipKind::plic;
  if (kind != IrqChipKind::aia && kind != IrqChipKind::plic)
    return fail(Error::Kind::usage, text("--irqchip {} does not exist on riscv64", name(kind)),
                "choose aia, plic or auto");
  if (!supported(kind))
    return fail_check("aia", "this host's KVM has no AIA for guests", "use --irqchip plic or auto");
  if (spec_.cpus > most_harts)
    return fail(Error::Kind::usage,
                text("{} CPUs are more than the {} of this board", spec_.cpus, most_harts),
                "ask for fewer with --cpus");
  chip_ = kind == IrqChipKind::aia ? IrqChip(Aia{map_.aplic, map_.imsic, source_count(), 0})
                                   : IrqChip(UserIrqChip{});
  return chip_;
}

u32 Board::source_count() const {
  if (!spec_.has_pci()) return map_.sources;
  return std::max(map_.sources, map_.pci.first_irq + pci::RootBus::lines);
}

void Board::build_plic(const Wiring& wiring) {
  std::vector<device::ExternalInterrupt*> outputs;
  for (hv::Vcpu* vcpu : wiring.vcpus) {
    inputs_.emplace_back(*vcpu);
    outputs.push_back(nullptr);  // machine mode, which guests do not have
    outputs.push_back(&inputs_.back());
  }
  plic_ = std::make_unique<device::Plic>(source_count(), std::move(outputs));
}

Result<hv::IrqLine*> Board::line(const Wiring& wiring, u32 irq, bool edge) {
  using Trigger = device::Plic::Trigger;
  if (plic_) return &plic_->source(irq, edge ? Trigger::edge : Trigger::level);
  lines_.push_back(TRY(wiring.vm.irq_line(irq)));
  return lines_.back().get();
}

Result<void> Board::build(const Wiring& wiring, const HostFacts& facts) {
  use(wiring);
  facts_ = facts;
  if (!has_aia()) {
    build_plic(wiring);
    TRY(wiring.mmio.attach({map_.plic, device::Plic::size}, *plic_, "plic"));
  }
  TRY(build_uarts(wiring, [&](u32 irq) { return line(wiring, irq, false); }));
  const Window& rtc = map_.rtc;
  rtc_ = std::make_unique<device::GoldfishRtc>(*TRY(line(wiring, rtc.irq, false)), wiring.clock);
  TRY(wiring.mmio.attach({rtc.base, rtc.size}, *rtc_, "goldfish-rtc"));
  test_exit_ = std::make_unique<device::SifiveTest>(wiring.power);
  TRY(wiring.mmio.attach({map_.test_exit.base, map_.test_exit.size}, *test_exit_, "test exit"));
  panic_ = std::make_unique<device::GuestPanic>(wiring.power);
  TRY(wiring.mmio.attach({map_.panic.base, map_.panic.size}, *panic_, "panic"));
  sbi_ = std::make_unique<SbiConsole>(wiring.ram, uarts_.first_out());
  if (spec_.has_pci()) return build_pci(wiring);
  return virtio_.build(wiring, map_.virtio.base, map_.virtio.size, map_.virtio.irq,
                       map_.virtio_slots, [&](u32 irq) { return line(wiring, irq, true); });
}

Result<void> Board::build_pci(const Wiring& wiring) {
  if (has_aia()) msis_ = TRY(wiring.vm.msi_target());
  return pci_.build(
      wiring, map_.pci, wiring.mmio, [&](u32 irq) { return line(wiring, irq, false); }, msis_.get(),
      spec_.virtio);
}

machine::BootState Board::boot_state(unsigned cpu) const {
  return riscv64::BootState{.stopped = cpu != 0, .pc = entry(), .a0 = cpu, .a1 = tree_address()};
}

std::string Board::uart_path(usize port) const {
  return text("/soc/{}@{:x}", map_.uart_node, map_.uarts.windows[port].base);
}

std::string Board::isa() const {
  std::string isa = "rv64" + (facts_.isa_letters.empty() ? "imafdc" : facts_.isa_letters);
  for (const auto& extension : facts_.isa_extensions) {
    if (extension == "ssaia" && !has_aia()) continue;
    isa += '_';
    isa += extension;
  }
  return isa;
}

std::vector<u32> Board::interrupt(u32 irq, bool edge) const {
  if (!has_aia()) return {irq};
  return {irq, edge ? edge_rising : level_high};
}

std::vector<u32> Board::add_cpus(boot::FdtBuilder& fdt) const {
  std::vector<u32> harts;
  auto cpus = fdt.node("cpus");
  fdt.prop("#address-cells", 1u);
  fdt.prop("#size-cells", 0u);
  fdt.prop("timebase-frequency", facts_.timebase_hz);
  std::string isa_string = isa();
  for (unsigned cpu = 0; cpu < spec_.cpus; ++cpu) {
    auto node = fdt.node("cpu", cpu);
    fdt.prop("device_type", "cpu");
    fdt.prop("compatible", "riscv");
    fdt.prop("reg", cpu);
    fdt.prop("status", "okay");
    fdt.prop("riscv,isa", isa_string);
    fdt.prop("mmu-type", text("riscv,{}", facts_.mmu.empty() ? "sv39" : facts_.mmu));
    if (facts_.cbom_block != 0) fdt.prop("riscv,cbom-block-size", facts_.cbom_block);
    if (facts_.cboz_block != 0) fdt.prop("riscv,cboz-block-size", facts_.cboz_block);
    auto controller = fdt.node("interrupt-controller");
    harts.push_back(fdt.next_phandle());
    fdt.prop("compatible", "riscv,cpu-intc");
    fdt.prop("#interrupt-cells", 1u);
    fdt.prop("interrupt-controller");
    fdt.prop("phandle", harts.back());
  }
  return harts;
}

void Board::add_plic(boot::FdtBuilder& fdt, std::span<const u32> harts, u32 phandle) const {
  std::vector<u32> contexts;
  for (u32 hart : harts)
    contexts.insert(contexts.end(), {hart, no_interrupt, hart, supervisor_external});
  auto node = fdt.node("plic", map_.plic);
  fdt.strings("compatible", {"sifive,plic-1.0.0", "riscv,plic0"});
  fdt.reg({{map_.plic, device::Plic::size}});
  fdt.prop("#interrupt-cells", 1u);
  fdt.prop("#address-cells", 0u);
  fdt.prop("interrupt-controller");
  fdt.prop("riscv,ndev", source_count());
  fdt.cells("interrupts-extended", contexts);
  fdt.prop("phandle", phandle);
}

u32 Board::add_aia(boot::FdtBuilder& fdt, std::span<const u32> harts, u32 phandle) const {
  std::vector<u32> inputs;
  for (u32 hart : harts) inputs.insert(inputs.end(), {hart, supervisor_external});
  u32 msi = fdt.next_phandle();
  {
    auto node = fdt.node("imsics", map_.imsic);
    fdt.prop("compatible", "riscv,imsics");
    fdt.reg({{map_.imsic, spec_.cpus * imsic_size}});
    fdt.prop("interrupt-controller");
    fdt.prop("#interrupt-cells", 0u);
    fdt.prop("msi-controller");
    fdt.prop("#msi-cells", 0u);
    fdt.prop("riscv,num-ids", facts_.aia_ids);
    fdt.cells("interrupts-extended", inputs);
    fdt.prop("phandle", msi);
  }
  auto node = fdt.node("aplic", map_.aplic);
  fdt.prop("compatible", "riscv,aplic");
  fdt.reg({{map_.aplic, aplic_size}});
  fdt.prop("interrupt-controller");
  fdt.prop("#interrupt-cells", 2u);
  fdt.prop("#address-cells", 0u);
  fdt.prop("riscv,num-sources", source_count());
  fdt.prop("msi-parent", msi);
  fdt.prop("phandle", phandle);
  return msi;
}

u32 Board::add_peripherals(boot::FdtBuilder& fdt) const {
  for (usize port = 0; port < max_uarts; ++port) {
    if (!uarts_.present(port)) continue;
    const UartWindow& window = uarts_.window(port);
    auto node = fdt.node(map_.uart_node, window.base);
    fdt.prop("compatible", "ns16550a");
    fdt.reg({{window.base, window.size}});
    fdt.cells("interrupts", interrupt(window.irq, false));
    fdt.prop("clock-frequency", map_.uart_clock_hz);
  }
  {
    const Window& rtc = map_.rtc;
    auto node = fdt.node("rtc", rtc.base);
    fdt.prop("compatible", "google,goldfish-rtc");
    fdt.reg({{rtc.base, rtc.size}});
    fdt.cells("interrupts", interrupt(rtc.irq, false));
  }
  add_panic(fdt, map_.panic.base, map_.panic.size);
  u32 finisher = fdt.next_phandle();
  {
    auto node = fdt.node("test", map_.test_exit.base);
    fdt.strings("compatible", {"sifive,test1", "sifive,test0", "syscon"});
    fdt.reg({{map_.test_exit.base, map_.test_exit.size}});
    fdt.prop("phandle", finisher);
  }
  return finisher;
}

// Ways to end that Linux has drivers for; they are no devices on the bus.
void Board::add_power(boot::FdtBuilder& fdt, u32 finisher) const {
  auto syscon = [&](const char* name, const char* compatible, u32 value) {
    auto node = fdt.node(name);
    fdt.prop("compatible", compatible);
    fdt.prop("regmap", finisher);
    fdt.prop("offset", 0u);
    fdt.prop("value", value);
  };
  syscon("poweroff", "syscon-poweroff", 0x5555);
  syscon("reboot", "syscon-reboot", 0x7777);
}

u32 Board::add_soc(boot::FdtBuilder& fdt, std::span<const u32> harts) const {
  auto soc = fdt.node("soc");
  fdt.prop("compatible", "simple-bus");
  fdt.prop("#address-cells", 2u);
  fdt.prop("#size-cells", 2u);
  fdt.prop("ranges");
  u32 controller = fdt.next_phandle();
  fdt.prop("interrupt-parent", controller);
  u32 msis = 0;
  if (has_aia())
    msis = add_aia(fdt, harts, controller);
  else
    add_plic(fdt, harts, controller);
  u32 finisher = add_peripherals(fdt);
  add_virtio(fdt, virtio_slots(), map_.virtio.size,
             [this](u32 irq) { return interrupt(irq, true); });
  if (spec_.has_pci())
    add_pci(fdt, map_.pci.config, map_.pci,
            {controller, 0, [this](u32 irq) { return interrupt(irq, false); }, msis, false});
  return finisher;
}

Result<std::vector<u8>> Board::build_tree(const TreeInput& input) const {
  boot::FdtBuilder fdt;
  {
    auto root = fdt.node("");
    add_root(fdt, map_.compatible, map_.model);
    add_chosen(fdt, input);
    add_serial_aliases(fdt);
    auto ranges = ram();
    add_memory(fdt, ranges);
    std::vector<u32> harts = add_cpus(fdt);
    add_power(fdt, add_soc(fdt, harts));
  }
  return fdt.finish();
}

}  // namespace pv::machine::riscv64
