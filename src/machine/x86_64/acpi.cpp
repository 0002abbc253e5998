#include "machine/x86_64/acpi.h"

#include <cstring>

#include "base/endian.h"
#include "base/text.h"
#include "machine/x86_64/aml.h"
#include "machine/x86_64/memory_map.h"
#include "pci/host_bridge.h"

namespace pv::machine::x86_64 {
namespace {

// 5.2.3.2: Generic Address Structure.
struct Gas {
  u8 space = 0;  // 1: system I/O
  u8 bits = 0;
  u8 offset = 0;
  u8 access = 0;
  Le64 address;
};
static_assert(sizeof(Gas) == 12);

constexpr Gas io_register(u16 address, u8 bits) {
  u8 access = bits == 8 ? 1 : bits == 16 ? 2 : 3;
  return Gas{1, bits, 0, access, Le64(address)};
}

// 5.2.5.3
struct Rsdp {
  char signature[8] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
  u8 checksum = 0;
  char oem[6] = {'P', 'O', 'L', 'Y', 'V', ' '};
  u8 revision = 2;
  Le32 rsdt;
  Le32 length = 36;
  Le64 xsdt;
  u8 extended_checksum = 0;
  u8 reserved[3] = {};
};
static_assert(sizeof(Rsdp) == 36);

// 5.2.6
struct Header {
  char signature[4];
  Le32 length;
  u8 revision;
  u8 checksum = 0;
  char oem[6] = {'P', 'O', 'L', 'Y', 'V', ' '};
  char oem_table[8] = {'P', 'O', 'L', 'Y', 'V', 'I', 'S', 'R'};
  Le32 oem_revision = 1;
  char creator[4] = {'P', 'O', 'L', 'Y'};
  Le32 creator_revision = 1;
};
static_assert(sizeof(Header) == 36);

// 5.2.9, revision 6
struct Fadt {
  Header header;
  Le32 firmware_ctrl, dsdt;
  u8 reserved0 = 0, preferred_profile = 0;
  Le16 sci = gsi::sci;
  Le32 smi_command;
  u8 acpi_enable = 0, acpi_disable = 0, s4bios = 0, pstate = 0;
  Le32 pm1a_event = port::acpi_pm, pm1b_event, pm1a_control = port::acpi_pm + 4, pm1b_control;
  Le32 pm2_control, pm_timer = port::acpi_pm + 8, gpe0, gpe1;
  u8 pm1_event_length = 4, pm1_control_length = 2, pm2_control_length = 0, pm_timer_length = 4;
  u8 gpe0_length = 0, gpe1_length = 0, gpe1_base = 0, cst = 0;
  Le16 c2_latency = 0xffff, c3_latency = 0xffff, flush_size, flush_stride;
  u8 duty_offset = 0, duty_width = 0, day_alarm = 0, month_alarm = 0, century = 0x32;
  // IAPC_BOOT_ARCH: ISA devices are there (COM1); no keyboard controller, no VGA.
  Le16 boot_architecture = (1u << 0) | (1u << 2);
  u8 reserved1 = 0;
  // WBINVD works; C1 works; no sleep button; 32-bit PM timer; reset register.
  Le32 flags = (1u << 0) | (1u << 2) | (1u << 5) | (1u << 8) | (1u << 10);
  Gas reset = io_register(port::i8042_command, 8);
  u8 reset_value = 0xfe;
  Le16 arm_boot_architecture;
  u8 minor = 5;
  Le64 x_firmware_ctrl, x_dsdt;
  Gas x_pm1a_event = io_register(port::acpi_pm, 32), x_pm1b_event;
  Gas x_pm1a_control = io_register(port::acpi_pm + 4, 16), x_pm1b_control, x_pm2_control;
  Gas x_pm_timer = io_register(port::acpi_pm + 8, 32), x_gpe0, x_gpe1;
  Gas sleep_control, sleep_status;
  Le64 hypervisor;
};
static_assert(sizeof(Fadt) == 276);

// 5.2.10
struct Facs {
  char signature[4] = {'F', 'A', 'C', 'S'};
  Le32 length = 64;
  u8 rest[24] = {};
  u8 version = 2;
  u8 reserved[31] = {};
};
static_assert(sizeof(Facs) == 64);

using Table = std::vector<u8>;

template <class T>
void append(Table& to, const T& what) {
  to.resize(to.size() + sizeof what);
  std::memcpy(to.data() + to.size() - sizeof what, &what, sizeof what);
}

u8 checksum(const u8* p, usize size) {
  u8 sum = 0;
  for (usize i = 0; i < size; ++i) sum = static_cast<u8>(sum + p[i]);
  return static_cast<u8>(-sum);
}

// Fills in length and checksum of a table that starts with a Header.
Table finish(Table table) {
  Le32 length(static_cast<u32>(table.size()));
  std::memcpy(table.data() + offsetof(Header, length), &length, sizeof length);
  table[offsetof(Header, checksum)] = 0;
  table[offsetof(Header, checksum)] = checksum(table.data(), table.size());
  return table;
}

Header header(const char (&signature)[5], u8 revision) {
  Header h{};
  std::memcpy(h.signature, signature, 4);
  h.revision = revision;
  return h;
}

// 5.2.12
Table madt(unsigned cpus) {
  Table t;
  append(t, header("APIC", 5));
  append(t, Le32(local_apic));
  append(t, Le32(1));  // PCAT_COMPAT: 8259s are there
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    // 5.2.12.2, local APIC
    for (u8 b : {u8{0}, u8{8}, static_cast<u8>(cpu), static_cast<u8>(cpu)}) t.push_back(b);
    append(t, Le32(1));
  }
  for (u8 b : {u8{1}, u8{12}, u8{0}, u8{0}}) t.push_back(b);  // 5.2.12.3, I/O APIC 0
  append(t, Le32(io_apic));
  append(t, Le32(0));
  for (u8 b : {u8{2}, u8{10}, u8{0}, u8{gsi::sci}}) t.push_back(b);  // 5.2.12.5: the SCI is level
  append(t, Le32(gsi::sci));
  append(t, Le16(0x000d));
  for (u8 b : {u8{4}, u8{6}, u8{0xff}, u8{0}, u8{0}, u8{1}}) t.push_back(b);  // NMI on LINT1
  return finish(t);
}

Aml virtio_device(usize index, const AcpiVirtio& window) {
  return aml::device(
      text("VIO{:X}", index),
      aml::concat({aml::name("_HID", aml::string("LNRO0005")),
                   aml::name("_UID", aml::integer(static_cast<u32>(index))),
                   aml::name("_CCA", aml::integer(1)),
                   aml::name("_CRS", aml::resources(
                                         aml::concat({aml::memory32(window.address, virtio_stride),
                                                      aml::edge_interrupt(window.gsi)})))}));
}

// The bridge, its windows, and which interrupt INTA# of each function is.
Aml pci_bridge(const AcpiPci& pci) {
  const auto first = [](const bus::Range& range) { return static_cast<u32>(range.base); };
  const auto size = [](const bus::Range& range) { return static_cast<u32>(range.size); };
  std::vector<Aml> routes;
  for (u32 device = 1; device <= pci.last_device; ++device)
    routes.push_back(
        aml::package({aml::integer(device << 16 | 0xffff), aml::integer(0), aml::integer(0),
                      aml::integer(pci.map.first_irq + pci::intx_line(device))}));
  Aml bridge = aml::device(
      "PCI0",
      aml::concat(
          {aml::name("_HID", aml::eisa_id("PNP0A08")), aml::name("_CID", aml::eisa_id("PNP0A03")),
           aml::name("_UID", aml::integer(0)), aml::name("_SEG", aml::integer(0)),
           aml::name("_BBN", aml::integer(0)),
           aml::name("_CRS",
                     aml::resources(aml::concat(
                         {aml::bus_numbers(0, 0), aml::io(pci::ConfigPorts::first, 8),
                          aml::io_window(static_cast<u16>(pci.map.io.base),
                                         static_cast<u16>(size(pci.map.io))),
                          aml::memory_window(first(pci.map.memory), size(pci.map.memory))}))),
           aml::name("_PRT", aml::package(routes))}));
  // Linux uses the configuration window only where ACPI or the memory map reserves it.
  Aml board = aml::device(
      "MBRD", aml::concat({aml::name("_HID", aml::eisa_id("PNP0C02")),
                           aml::name("_CRS", aml::resources(aml::memory32(
                                                 static_cast<u32>(pci.map.config),
                                                 static_cast<u32>(pci.map.config_size()))))}));
  return aml::concat({bridge, board});
}

Table mcfg(const AcpiPci& pci) {
  Table t;
  append(t, header("MCFG", 1));
  append(t, Le64());
  append(t, Le64(pci.map.config));
  append(t, Le64());  // segment 0, buses 0 to 0
  return finish(t);
}

Table dsdt(std::span<const AcpiVirtio> virtio, const std::optional<AcpiPci>& pci) {
  Aml devices = aml::device(
      "COM1",
      aml::concat(
          {aml::name("_HID", aml::eisa_id("PNP0501")), aml::name("_UID", aml::integer(0)),
           aml::name("_CRS", aml::resources(aml::concat(
                                 {aml::io(port::com1, 8), aml::irq_no_flags(gsi::com1)})))}));
  // QEMU's "PVPANIC device" specification: how a kernel says that it panicked.
  Aml panic = aml::device(
      "PEVT", aml::concat({aml::name("_HID", aml::string("QEMU0001")),
                           aml::name("_CRS", aml::resources(aml::io(port::panic, 1)))}));
  devices = aml::concat({devices, panic});
  for (usize i = 0; i < virtio.size(); ++i)
    devices = aml::concat({devices, virtio_device(i, virtio[i])});
  if (pci) devices = aml::concat({devices, pci_bridge(*pci)});
  Table t;
  append(t, header("DSDT", 2));
  Aml code = aml::concat({aml::scope("\\_SB_", devices),
                          // Soft off: SLP_TYP 0
                          aml::name("\\_S5_", aml::package({aml::integer(0), aml::integer(0),
                                                            aml::integer(0), aml::integer(0)}))});
  t.insert(t.end(), code.begin(), code.end());
  return finish(t);
}

// Lays tables out one after the other, each 64-byte aligned.
class Layout {
 public:
  explicit Layout(u64 base) : base_(base) {}
  u64 place(const Table& table) {
    bytes_.resize(static_cast<usize>(align_up(bytes_.size(), 64)));
    u64 address = base_ + bytes_.size();
    bytes_.insert(bytes_.end(), table.begin(), table.end());
    return address;
  }
  std::vector<u8> take() { return std::move(bytes_); }
  u8* data() { return bytes_.data(); }

 private:
  u64 base_;
  std::vector<u8> bytes_;
};

}  // namespace

std::vector<u8> acpi_tables_at(u64 base, unsigned cpus, std::span<const AcpiVirtio> virtio,
                               const std::optional<AcpiPci>& pci) {
  Layout layout(base);
  layout.place(Table(sizeof(Rsdp)));
  Table facs_table;
  append(facs_table, Facs{});
  u64 facs = layout.place(facs_table);
  u64 dsdt_at = layout.place(dsdt(virtio, pci));

  Fadt fadt{};
  fadt.header = header("FACP", 6);
  fadt.firmware_ctrl = static_cast<u32>(facs);
  fadt.dsdt = static_cast<u32>(dsdt_at);
  fadt.x_dsdt = dsdt_at;
  Table fadt_table;
  append(fadt_table, fadt);
  u64 fadt_at = layout.place(finish(fadt_table));
  u64 madt_at = layout.place(madt(cpus));

  Table xsdt;
  append(xsdt, header("XSDT", 1));
  append(xsdt, Le64(fadt_at));
  append(xsdt, Le64(madt_at));
  if (pci) append(xsdt, Le64(layout.place(mcfg(*pci))));
  u64 xsdt_at = layout.place(finish(xsdt));

  Rsdp rsdp{};
  rsdp.xsdt = xsdt_at;
  rsdp.checksum = checksum(reinterpret_cast<const u8*>(&rsdp), 20);
  rsdp.extended_checksum = checksum(reinterpret_cast<const u8*>(&rsdp), sizeof rsdp);
  std::memcpy(layout.data(), &rsdp, sizeof rsdp);
  return layout.take();
}

}  // namespace pv::machine::x86_64
