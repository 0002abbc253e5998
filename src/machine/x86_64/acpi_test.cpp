#include "machine/x86_64/acpi.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/endian.h"
#include "machine/golden.h"
#include "machine/x86_64/memory_map.h"

namespace pv::machine::x86_64 {
namespace {

constexpr AcpiVirtio two[] = {{0xfeb0'0000, 16}, {0xfeb0'0200, 17}};

// The tables as a guest walks them.
struct Tables {
  u64 base = acpi_tables;
  std::vector<u8> bytes;

  explicit Tables(unsigned cpus, std::span<const AcpiVirtio> virtio = {},
                  const std::optional<AcpiPci>& pci = {})
      : bytes(acpi_tables_at(base, cpus, virtio, pci)) {}
  template <class T>
  auto at(u64 address) const {
    return load_as<T>(bytes, static_cast<usize>(address - base));
  }
  u32 u32_at(u64 address) const { return at<Le32>(address); }
  u64 u64_at(u64 address) const { return at<Le64>(address); }
  std::string signature(u64 address) const {
    return {bytes.begin() + static_cast<long>(address - base),
            bytes.begin() + static_cast<long>(address - base) + 4};
  }
  u8 sum(u64 address, usize size) const {
    u8 total = 0;
    for (usize i = 0; i < size; ++i) total = static_cast<u8>(total + at<u8>(address + i));
    return total;
  }
  u64 xsdt() const { return u64_at(base + 24); }
  u64 table(const std::string& name) const {
    for (u64 entry = xsdt() + 36; entry < xsdt() + u32_at(xsdt() + 4); entry += 8)
      if (signature(u64_at(entry)) == name) return u64_at(entry);
    ADD_FAILURE() << "no table " << name;
    return 0;
  }
  Bytes table_bytes(u64 address) const {
    return Bytes(bytes).subspan(static_cast<usize>(address - base), u32_at(address + 4));
  }
};

TEST(Acpi, RootPointerIsWhatASearchFinds) {
  Tables t(1);
  EXPECT_EQ(t.base % 16, 0u);
  EXPECT_EQ(std::memcmp(t.bytes.data(), "RSD PTR ", 8), 0);
  EXPECT_EQ(t.at<u8>(t.base + 15), 2);
  EXPECT_EQ(t.u32_at(t.base + 20), 36u);
  EXPECT_EQ(t.sum(t.base, 20), 0);
  EXPECT_EQ(t.sum(t.base, 36), 0);
}

TEST(Acpi, TablesAreLinkedAndSumToZero) {
  Tables t(4, two);
  EXPECT_EQ(t.signature(t.xsdt()), "XSDT");
  EXPECT_EQ(t.u32_at(t.xsdt() + 4), 36u + 2 * 8);
  u64 fadt = t.table("FACP"), madt = t.table("APIC");
  u64 dsdt = t.u64_at(fadt + 140), facs = t.u32_at(fadt + 36);
  EXPECT_EQ(t.u32_at(fadt + 40), dsdt);
  EXPECT_EQ(t.signature(dsdt), "DSDT");
  EXPECT_EQ(t.signature(facs), "FACS");
  EXPECT_EQ(facs % 64, 0u);
  EXPECT_EQ(t.u32_at(facs + 4), 64u);
  for (u64 table : {t.xsdt(), fadt, madt, dsdt}) {
    EXPECT_LE(table + t.u32_at(table + 4), t.base + t.bytes.size()) << t.signature(table);
    EXPECT_EQ(t.sum(table, t.u32_at(table + 4)), 0) << t.signature(table);
  }
}

TEST(Acpi, FadtNamesThePortsOfTheBoard) {
  Tables t(1);
  u64 fadt = t.table("FACP");
  EXPECT_EQ(t.u32_at(fadt + 4), 276u);
  EXPECT_EQ(t.at<u8>(fadt + 8), 6);  // revision 6.5
  EXPECT_EQ(t.at<u8>(fadt + 131), 5);
  EXPECT_EQ(t.at<Le16>(fadt + 46), 9);
  EXPECT_EQ(t.u32_at(fadt + 48), 0u);  // no SMI command: always in ACPI mode
  EXPECT_EQ(t.u32_at(fadt + 56), 0x600u);
  EXPECT_EQ(t.u32_at(fadt + 64), 0x604u);
  EXPECT_EQ(t.u32_at(fadt + 76), 0x608u);
  EXPECT_EQ(t.at<u8>(fadt + 88), 4);
  EXPECT_EQ(t.at<u8>(fadt + 89), 2);
  // Reset register: 8 bits at port 0x64, value 0xfe; and the flag that says so.
  EXPECT_EQ(t.u64_at(fadt + 116 + 4), 0x64u);
  EXPECT_EQ(t.at<u8>(fadt + 116), 1);
  EXPECT_EQ(t.at<u8>(fadt + 117), 8);
  EXPECT_EQ(t.at<u8>(fadt + 128), 0xfe);
  u32 flags = t.u32_at(fadt + 112);
  EXPECT_NE(flags & 1u << 10, 0u);
  EXPECT_EQ(flags & 1u << 4, 0u);            // the power button is a fixed one
  EXPECT_EQ(flags & 1u << 20, 0u);           // not hardware-reduced: there are PM registers
  EXPECT_EQ(t.at<Le16>(fadt + 109) & 2, 0);  // no 8042
  // The 64-bit forms agree.
  EXPECT_EQ(t.u64_at(fadt + 148 + 4), 0x600u);
  EXPECT_EQ(t.u64_at(fadt + 172 + 4), 0x604u);
  EXPECT_EQ(t.u64_at(fadt + 208 + 4), 0x608u);
}

TEST(Acpi, MadtListsEveryCpuOnce) {
  for (unsigned cpus : {1u, 4u, 255u}) {
    Tables t(cpus);
    u64 madt = t.table("APIC"), end = madt + t.u32_at(madt + 4);
    EXPECT_EQ(t.u32_at(madt + 36), 0xfee0'0000u);
    EXPECT_EQ(t.u32_at(madt + 40) & 1, 1u);
    unsigned found = 0, io_apics = 0, overrides = 0, nmis = 0;
    for (u64 entry = madt + 44; entry < end; entry += t.at<u8>(entry + 1)) {
      ASSERT_GE(t.at<u8>(entry + 1), 6);
      switch (t.at<u8>(entry)) {
        case 0:
          EXPECT_EQ(t.at<u8>(entry + 3), found);  // local APIC id
          EXPECT_EQ(t.u32_at(entry + 4), 1u);     // enabled
          ++found;
          break;
        case 1:
          EXPECT_EQ(t.u32_at(entry + 4), 0xfec0'0000u);
          EXPECT_EQ(t.u32_at(entry + 8), 0u);
          ++io_apics;
          break;
        case 2:
          EXPECT_EQ(t.at<u8>(entry + 3), 9);
          EXPECT_EQ(t.at<Le16>(entry + 8), 0xd);  // active high, level
          ++overrides;
          break;
        case 4: ++nmis; break;
        default: ADD_FAILURE() << "entry type " << int{t.at<u8>(entry)};
      }
    }
    EXPECT_EQ(found, cpus);
    EXPECT_EQ(io_apics, 1u);
    EXPECT_EQ(overrides, 1u);
    EXPECT_EQ(nmis, 1u);
    EXPECT_LE(t.bytes.size(), acpi_room);
  }
}

TEST(Acpi, McfgNamesTheConfigurationWindow) {
  Tables t(1, {}, AcpiPci{pci_map, 1});
  const u64 mcfg = t.table("MCFG");
  EXPECT_EQ(t.u32_at(mcfg + 4), 60u);
  EXPECT_EQ(t.sum(mcfg, 60), 0);
  EXPECT_EQ(t.u64_at(mcfg + 44), 0xb000'0000u);
  EXPECT_EQ(t.u64_at(mcfg + 52), 0u);  // segment 0, bus 0
}

// The disassembly that iasl makes, without its comments (they have its version and the date).
TEST(Acpi, DsdtIsTheGolden) {
  using Two = std::span<const AcpiVirtio>;
  using Pci = std::optional<AcpiPci>;
  for (auto [name, virtio, pci] :
       {std::tuple{"uart_only", Two(), Pci()}, std::tuple{"virtio2", Two(two), Pci()},
        std::tuple{"pci3", Two(), Pci({pci_map, 3})}}) {
    Tables t(1, virtio, pci);
    u64 dsdt = t.u64_at(t.table("FACP") + 140);
    const Bytes table = t.table_bytes(dsdt);
    // Byte for byte what iasl has judged where there is one.
    expect_golden(std::string("x86_64/golden/dsdt_") + name + ".sum", checksum(table));
    if (!has_tool("iasl")) continue;
    ScratchFolder scratch;
    std::string aml = scratch.file("dsdt.aml"), source = scratch.file("dsdt.dsl");
    write_file(aml, table);
    Output disassembly = run("iasl -d " + aml + " 2>&1");
    ASSERT_EQ(disassembly.status, 0) << disassembly.text;
    std::string dsl = read_text_file(source);
    usize start = dsl.find("DefinitionBlock");
    ASSERT_NE(start, std::string::npos) << disassembly.text;
    expect_golden(std::string("x86_64/golden/dsdt_") + name + ".dsl", dsl.substr(start));
    // What it has read it can also translate, without an error.
    std::string again = scratch.file("again.aml");
    Output compiled = run("iasl -p " + again + " " + source + " 2>&1");
    EXPECT_EQ(compiled.status, 0) << compiled.text;
    EXPECT_NE(compiled.text.find("0 Errors"), std::string::npos) << compiled.text;
  }
}

}  // namespace
}  // namespace pv::machine::x86_64
