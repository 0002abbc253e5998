#include "machine/x86_64/board.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "boot/pvh.h"
#include "machine/x86_64/acpi.h"
#include "machine/x86_64/boot_info.h"
#include "machine/x86_64/memory_map.h"

namespace pv::machine::x86_64 {
namespace {

using memory::GuestAddress;
using memory::GuestRange;

// What the boot data occupies; no kernel may be loaded over it.
constexpr boot::Reserved boot_data[] = {
    {{GuestAddress(0), 0x1'0000 + 0x2'0000}, "the boot data below 192 KiB"},
    {{GuestAddress(acpi_tables), acpi_room}, "the ACPI tables"},
};

std::vector<GuestRange> banks(u64 size, bool pci) {
  u64 low = std::min(size, low_ram_limit);
  if (pci && size >= pci_map.config) low = low_ram_with_pci;
  std::vector<GuestRange> ranges{{GuestAddress(0), low}};
  if (size > low) ranges.push_back({GuestAddress(ram_above), size - low});
  return ranges;
}

constexpr UartPlan com_ports{.kind = UartKind::ns16550,
                             .windows = {{{port::com1, 8, gsi::com1},
                                          {port::com2, 8, gsi::com2},
                                          {port::com3, 8, gsi::com1},
                                          {port::com4, 8, gsi::com2}}},
                             .all = false,
                             .space = hv::Space::pio};

}  // namespace

Board::Board(const Spec& spec)
    : spec_(spec),
      ram_(banks(spec.ram, spec.has_pci())),
      uarts_(com_ports),
      bridge_(pci_map.config) {}

std::span<const boot::Reserved> Board::reserved() const { return boot_data; }

u64 Board::highest_address() const { return std::max(ram_.back().end(), ram_above) - 1; }

Result<IrqChip> Board::choose_irqchip(const std::function<bool(IrqChipKind)>& supported) {
  if (spec_.irqchip != IrqChipKind::automatic && spec_.irqchip != IrqChipKind::pc)
    return fail(Error::Kind::usage,
                text("--irqchip {} does not exist on x86_64", name(spec_.irqchip)),
                "leave --irqchip out");
  if (!supported(IrqChipKind::pc))
    return fail_check("irqchip", "this host's KVM has no interrupt controllers of its own");
  constexpr unsigned most = 255;
  if (spec_.cpus > most)
    return fail(Error::Kind::usage,
                text("{} CPUs are more than the {} of this board", spec_.cpus, most),
                "ask for fewer with --cpus");
  return PcIrqChip{};
}

Result<hv::IrqLine*> Board::line(const Wiring& wiring, u32 gsi) {
  lines_.push_back(TRY(wiring.vm.irq_line(gsi)));
  return lines_.back().get();
}

Result<void> Board::build(const Wiring& wiring, const HostFacts& facts) {
  facts_ = facts;
  guest_ram_ = &wiring.ram;
  TRY(build_ports(wiring));
  if (spec_.has_pci()) return build_pci(wiring);
  return virtio_.build(wiring, virtio_base, virtio_stride, virtio_first_gsi, x86_64::virtio_slots,
                       [&](u32 gsi) { return line(wiring, gsi); });
}

Result<void> Board::build_pci(const Wiring& wiring) {
  msis_ = TRY(wiring.vm.msi_target());
  TRY(pci_.build(
      wiring, pci_map, wiring.pio, [&](u32 gsi) { return line(wiring, gsi); }, msis_.get(),
      spec_.virtio));
  TRY(pci_.root().add(0, bridge_));
  // The reset register lies among the configuration ports.
  config_ports_ = std::make_unique<pci::ConfigPorts>(pci_.root(), *reset_control_);
  return wiring.pio.attach({pci::ConfigPorts::first, pci::ConfigPorts::size}, *config_ports_,
                           "PCI configuration ports");
}

Result<void> Board::build_ports(const Wiring& wiring) {
  bus::Bus::Transaction ports(wiring.pio);
  TRY(uarts_.build(
      wiring.serials, [&](u32 gsi) { return line(wiring, gsi); },
      [&](bus::Range range, bus::MmioDevice& device, std::string_view name) {
        return ports.attach(range, device, name);
      }));
  if (wiring.debugcon.out != nullptr) {
    debugcon_ = std::make_unique<device::Debugcon>(*wiring.debugcon.out);
    TRY(ports.attach({wiring.debugcon.port, device::Debugcon::size}, *debugcon_, "debugcon"));
  }
  u64 above = ram_.size() > 1 ? ram_[1].size : 0;
  cmos_ = std::make_unique<device::Cmos>(wiring.clock, ram_[0].size, above);
  TRY(ports.attach({port::cmos, device::Cmos::size}, *cmos_, "CMOS clock"));
  acpi_pm_ =
      std::make_unique<device::AcpiPm>(*TRY(line(wiring, gsi::sci)), wiring.clock, wiring.power);
  TRY(ports.attach({port::acpi_pm, device::AcpiPm::size}, *acpi_pm_, "ACPI registers"));
  i8042_ = std::make_unique<device::I8042>(wiring.power);
  TRY(ports.attach({port::i8042_data, device::I8042::size}, *i8042_, "keyboard controller"));
  test_exit_ = std::make_unique<device::DebugExit>(wiring.power);
  TRY(ports.attach({port::test_exit, device::DebugExit::size}, *test_exit_, "test exit"));
  panic_ = std::make_unique<device::GuestPanic>(wiring.power);
  TRY(ports.attach({port::panic, device::GuestPanic::size}, *panic_, "panic"));
  reset_control_ = std::make_unique<device::ResetControl>(wiring.power);
  if (!spec_.has_pci())
    TRY(ports.attach({port::reset_control, device::ResetControl::size}, *reset_control_, "reset"));
  port92_ = std::make_unique<device::Port92>(wiring.power);
  TRY(ports.attach({port::system_control, device::Port92::size}, *port92_, "port 92"));
  ports.commit();
  return {};
}

// Ring 0 of an ordinary kernel is emulated there at about a million instructions a second, without
// the instructions that Linux needs: better said than hung.
Result<void> Board::refuse_linux_on_pvm(const boot::KernelImage& image) const {
  if (!facts_.software_virtualised || image.format != boot::Format::bzimage) return {};
  return fail(
      Error::Kind::host,
      "this host's KVM has no hardware virtualization under it (neither VMX nor SVM: "
      "KVM-PVM), and cannot run Linux",
      "bare-metal guests run here; for Linux use a host with VMX or SVM, or an emulated one: "
      "lab/lab run x86_64 -- polyvisor run ...");
}

Result<void> Board::load(const Payload& payload) {
  CHECK(guest_ram_ != nullptr);
  if (payload.device_tree >= 0)
    return fail(Error::Kind::usage, "--dtb: x86_64 guests have no device tree", "leave it out");
  auto kernel = TRY(boot::ImageFile::open(payload.kernel, "kernel"));
  std::optional<boot::ImageFile> initrd;
  if (payload.initrd >= 0) initrd = TRY(boot::ImageFile::open(payload.initrd, "initrd"));

  auto target = boot::target_for(Arch::x86_64, ram_, boot_data);
  auto image = TRY(boot::parse(kernel, target));
  TRY(refuse_linux_on_pvm(image));
  // Nothing else tells Linux on a PC which console it has.
  std::string line = payload.command_line;
  if (image.format == boot::Format::bzimage) line = linux_line(std::move(line));
  TRY(boot::check_command_line(image, line));
  auto layout = TRY(boot::place(image, target, {initrd ? initrd->size() : 0, 0}));
  TRY(boot::load_kernel(*guest_ram_, kernel, image));
  if (initrd) TRY(boot::load_file(*guest_ram_, *initrd, layout.initrd));
  TRY(write_boot_data(image, layout, line));
  protocol_ = image.protocol;
  entry_ = image.entry.value();
  summary_ =
      text("kernel: {} at {:#x}, entry {:#x}; initrd: {} bytes at {:#x}", boot::describe(image),
           image.extent().base.value(), entry_, layout.initrd.size, layout.initrd.base.value());
  return {};
}

std::string Board::linux_line(std::string line) const {
  line = with_console(line, spec_.virtio_console ? text("console=hvc{}", spec_.virtio_console_index)
                                                 : text("console=ttyS{}", spec_.console_uart));
  if (spec_.early_uart) line = with_earlycon(std::move(line), uarts_.earlycon(*spec_.early_uart));
  return line;
}

std::vector<boot::E820Entry> Board::memory_map() const {
  using Type = boot::E820Entry::Type;
  std::vector<boot::E820Entry> map;
  map.push_back({{GuestAddress(0), low_memory_end}, Type::ram});
  map.push_back({{GuestAddress(low_memory_end), high_memory - low_memory_end}, Type::reserved});
  if (ram_[0].size > high_memory)
    map.push_back({{GuestAddress(high_memory), ram_[0].size - high_memory}, Type::ram});
  if (spec_.has_pci())
    map.push_back({{GuestAddress(pci_map.config), pci_map.config_size()}, Type::reserved});
  for (usize i = 1; i < ram_.size(); ++i) map.push_back({ram_[i], Type::ram});
  return map;
}

Result<void> Board::write_boot_data(const boot::KernelImage& image, const boot::Layout& layout,
                                    std::string_view line) {
  const auto too_small = [] {
    return fail(Error::Kind::usage, "the guest has too little memory for its boot data",
                "give it at least 2 MiB with --mem");
  };
  auto put = [&](u64 address, Bytes bytes) {
    return guest_ram_->write_bytes(GuestAddress(address), bytes);
  };
  TRY(write_tables(*guest_ram_, image.protocol));

  std::vector<AcpiVirtio> windows;
  for (const auto& slot : virtio_.slots())
    windows.push_back({static_cast<u32>(slot.address), slot.irq});
  std::optional<AcpiPci> acpi_pci;
  if (spec_.has_pci()) acpi_pci = {pci_map, pci_.last_device()};
  if (!put(acpi_tables, acpi_tables_at(acpi_tables, spec_.cpus, windows, acpi_pci)))
    return too_small();

  // A kernel told not to use ACPI finds the windows on its command line instead.
  std::string command(line);
  if (line.find("acpi=off") != line.npos)
    for (const auto& window : windows)
      command += text(" virtio_mmio.device={}@{:#x}:{}", virtio_stride, window.address, window.gsi);
  command.push_back('\0');
  if (command.size() > command_line_room)
    return fail(Error::Kind::usage, text("the kernel command line has {} bytes, more than {}",
                                         command.size() - 1, command_line_room - 1));
  if (!put(command_line, bytes_of(command))) return too_small();

  auto map = memory_map();
  GuestAddress line_at(command_line), rsdp(acpi_tables);
  if (image.protocol == boot::EntryProtocol::x86_pvh) {
    auto info =
        boot::build_pvh_start({GuestAddress(start_info), map, line_at, layout.initrd, rsdp});
    if (!put(start_info, info)) return too_small();
  } else {
    auto page = TRY(boot::build_zero_page(image, {map, line_at, layout.initrd, rsdp}));
    if (!put(zero_page, page)) return too_small();
  }
  return {};
}

machine::BootState Board::boot_state(unsigned cpu) const {
  if (cpu == 0) return first_cpu_state(protocol_, entry_);
  x86_64::BootState waiting;
  waiting.wait_for_sipi = true;
  return waiting;
}

bool Board::press_power_button() {
  std::lock_guard lock(acpi_pm_->mutex());
  return acpi_pm_->press_power_button();
}

}  // namespace pv::machine::x86_64
