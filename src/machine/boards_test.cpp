// The tables of boards: whatever boards there are, their windows stand apart and their ports work.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "device/gicv2m.h"
#include "device/plic.h"
#include "machine/aarch64/memory_map.h"
#include "machine/places.h"
#include "machine/riscv64/memory_map.h"
#include "machine/test_machine.h"
#include "pci/root_bus.h"

namespace pv::machine {
namespace {

struct Stretch {
  std::string what;
  u64 base, size;
};

// None of them overlaps another, none is in RAM, which has no end here. Those without a size are
// not there.
void expect_apart(std::vector<Stretch> all, u64 ram) {
  all.push_back({"RAM", ram, ~u64{0} - ram});
  std::erase_if(all, [](const Stretch& one) { return one.size == 0; });
  std::ranges::sort(all, {}, &Stretch::base);
  for (usize i = 1; i < all.size(); ++i)
    EXPECT_LE(all[i - 1].size, all[i].base - all[i - 1].base)
        << all[i - 1].what << " reaches into " << all[i].what;
}

// What the tables of both architectures have, with virtio devices in windows or behind PCI.
template <class Map>
std::vector<Stretch> devices(const Map& map, bool pci) {
  std::vector<Stretch> all = {{"clock", map.rtc.base, map.rtc.size},
                              {"panic register", map.panic.base, map.panic.size},
                              {"test exit", map.test_exit.base, map.test_exit.size}};
  for (const UartWindow& uart : map.uarts.windows) all.push_back({"UART", uart.base, uart.size});
  if (!pci) {
    all.push_back({"virtio", map.virtio.base, map.virtio.size * map.virtio_slots});
  } else {
    all.push_back({"PCI configuration", map.pci.config, map.pci.config_size()});
    all.push_back({"PCI memory", map.pci.memory.base, map.pci.memory.size});
    all.push_back({"PCI ports", map.pci.io.base, map.pci.io.size});
  }
  return all;
}

// Each has its own, but for UARTs among themselves; from `first` to `last`.
void expect_interrupts(std::vector<std::pair<std::string, u32>> all, u32 first, u32 last) {
  std::map<u32, std::string> users;
  for (const auto& [what, irq] : all) {
    EXPECT_TRUE(irq >= first && irq <= last) << what << ": " << irq;
    const auto [user, fresh] = users.emplace(irq, what);
    EXPECT_TRUE(fresh || (what == "UART" && user->second == what))
        << what << " and " << user->second << ": " << irq;
  }
}

template <class Map>
std::vector<std::pair<std::string, u32>> interrupts(const Map& map, bool pci, u32 rtc, u32 virtio) {
  std::vector<std::pair<std::string, u32>> all = {{"clock", rtc}};
  for (const UartWindow& uart : map.uarts.windows)
    if (uart.size != 0) all.push_back({"UART", uart.irq});
  for (u32 n = 0; n < (pci ? pci::RootBus::lines : map.virtio_slots); ++n)
    all.push_back(pci ? std::pair{"PCI", map.pci.first_irq + n} : std::pair{"virtio", virtio + n});
  return all;
}

TEST(Boards, NothingOverlapsOnAarch64) {
  using namespace aarch64;
  for (std::string_view name : board_names()) {
    const MemoryMap& map = *find_board(name);
    const u64 redistributors = map.redistributors(map.most_cpus);
    for (bool pci : {false, true}) {
      if (pci && !map.pci.exists()) continue;
      SCOPED_TRACE(text("{}, {}", name, pci ? "PCI" : "mmio"));
      auto v3 = devices(map, pci);
      v3.push_back({"flash", map.flash.base, map.flash.size});
      v3.push_back({"distributor", map.gic_distributor, gic_distributor_size});
      auto v2 = v3;
      v3.push_back({"redistributors", redistributors, map.most_cpus * gic_redistributor_size});
      if (pci) v3.push_back({"ITS", map.its(map.most_cpus), gic_its_size});
      expect_apart(v3, map.ram_base);
      v2.push_back({"CPU interface", map.gic_cpu_interface, map.gic_cpu_interface_size});
      if (pci) v2.push_back({"GICv2m", map.gicv2m, device::GicV2m::size});
      expect_apart(v2, map.ram_base);
      // The first of those that are messages on a GICv2.
      const u32 shared = gic_interrupts - 32;
      expect_interrupts(interrupts(map, pci, map.rtc.spi, map.virtio.spi), 0,
                        (pci ? std::min(shared, gicv2m_first_spi) : shared) - 1);
    }
  }
}

TEST(Boards, NothingOverlapsOnRiscv64) {
  using namespace riscv64;
  for (std::string_view name : board_names()) {
    const MemoryMap& map = *find_board(name);
    for (bool pci : {false, true}) {
      if (pci && !map.pci.exists()) continue;
      SCOPED_TRACE(text("{}, {}", name, pci ? "PCI" : "mmio"));
      auto all = devices(map, pci);
      all.push_back({"PLIC", map.plic, device::Plic::size});
      all.push_back({"APLIC", map.aplic, aplic_size});
      all.push_back({"IMSICs", map.imsic, most_harts * imsic_size});
      expect_apart(all, map.ram_base);
      const u32 last =
          pci ? std::max(map.sources, map.pci.first_irq + pci::RootBus::lines) : map.sources;
      expect_interrupts(interrupts(map, pci, map.rtc.irq, map.virtio.irq), 1, last);
    }
  }
}

TEST(Boards, PlacesAreNamedByTheTables) {
  const auto expect = [](const auto& map, Arch arch) {
    SCOPED_TRACE(text("{} {}", name(arch), map.name));
    const Places places(arch, map.name);
    EXPECT_EQ(places.name(false, map.uarts.windows[0].base), "uart");
    EXPECT_EQ(places.name(false, map.rtc.base), "clock");
    EXPECT_EQ(places.name(false, map.panic.base), "panic register");
    EXPECT_EQ(places.name(false, map.test_exit.base), "finisher");
    EXPECT_EQ(places.name(false, map.virtio.base), "virtio 0");
    if (map.pci.exists()) {
      EXPECT_EQ(places.name(false, map.pci.config), "PCI configuration");
    }
  };
  for (std::string_view one : aarch64::board_names()) {
    const auto& map = *aarch64::find_board(one);
    expect(map, Arch::aarch64);
    EXPECT_EQ(Places(Arch::aarch64, one).name(false, map.gic_distributor), "interrupt controller");
  }
  for (std::string_view one : riscv64::board_names()) {
    const auto& map = *riscv64::find_board(one);
    expect(map, Arch::riscv64);
    EXPECT_EQ(Places(Arch::riscv64, one).name(false, map.plic), "PLIC");
    EXPECT_EQ(Places(Arch::riscv64, one).name(false, map.aplic), "APLIC");
  }
}

TEST(Boards, EachBuildsAndItsFirstPortSpeaks) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64, Arch::powerpc, Arch::x86_64})
    for (std::string_view board : boards(arch)) {
      SCOPED_TRACE(text("{} {}", name(arch), board));
      TestMachine t(arch, {.ram = 64_MiB, .cpus = 2, .board = std::string(board)});
      ASSERT_TRUE(t.build(4)) << t.error;  // windows that overlap are refused by the bus
      const auto windows = t.machine->posted_windows();
      ASSERT_FALSE(windows.empty());
      bus::Bus& bus = windows[0].space == hv::Space::pio ? t.pio : t.mmio;
      EXPECT_TRUE(bus.write(windows[0].range.base, bus::Width::byte, 'A'));
      EXPECT_EQ(t.serial_out.text(), "A");
      EXPECT_TRUE(t.load({})) << t.error;
    }
}

TEST(Boards, WindowsAreNotInRam) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64})
    for (std::string_view board : boards(arch)) {
      SCOPED_TRACE(text("{} {}", name(arch), board));
      TestMachine t(arch, {.ram = 64_MiB, .board = std::string(board)});
      ASSERT_TRUE(t.build(2)) << t.error;
      const auto ram = t.machine->ram()[0];
      for (const auto& slot : t.machine->virtio_slots())
        EXPECT_FALSE(slot.address >= ram.base.value() && slot.address < ram.end());
      u64 value;
      for (u64 probe = ram.base.value(); probe < ram.end(); probe += 1_MiB)
        EXPECT_FALSE(t.mmio.read(probe, bus::Width::byte, value)) << probe;
    }
}

TEST(Boards, KvmtoolsAndCrosvmsPortsAreWhereTheirUsersLook) {
  struct Port {
    Arch arch;
    const char* board;
    u64 address;
  };
  for (const Port& port : {Port{Arch::riscv64, "kvmtool", 0x3f8},
                           {Arch::aarch64, "crosvm", 0x3f8},
                           {Arch::aarch64, "kvmtool", 0x0100'0000}}) {
    TestMachine t(port.arch, {.ram = 64_MiB, .board = port.board});
    ASSERT_TRUE(t.build()) << t.error;
    EXPECT_TRUE(t.mmio.write(port.address, bus::Width::byte, '!'));
    EXPECT_EQ(t.serial_out.text(), "!");
    EXPECT_EQ(t.machine->ram()[0].base.value(), 0x8000'0000u);
  }
  // All four are there, also those that nobody asked for.
  TestMachine t(Arch::riscv64, {.ram = 64_MiB, .irqchip = IrqChipKind::aia, .board = "kvmtool"});
  ASSERT_TRUE(t.build()) << t.error;
  for (u64 base : {0x2f8u, 0x3e8u, 0x2e8u}) EXPECT_TRUE(t.mmio.write(base, bus::Width::byte, 'x'));
  EXPECT_EQ(t.serial_out.text(), "");
  for (u32 irq : {3u, 4u, 6u, 7u}) EXPECT_TRUE(t.vm.lines.contains(irq)) << irq;
}

TEST(Boards, PowerpcsHasQemusNameToo) {
  EXPECT_TRUE(create(Arch::powerpc, {.ram = 64_MiB, .board = "ppce500"}));
  EXPECT_FALSE(create(Arch::x86_64, {.ram = 64_MiB, .board = "ppce500"}));
}

TEST(Boards, AnUnknownOneIsRefusedWithThoseThereAre) {
  const auto made = create(Arch::riscv64, {.ram = 64_MiB, .board = "sifive_u"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Error::Kind::usage);
  EXPECT_EQ(made.error().message, "there is no board \"sifive_u\" for riscv64");
  EXPECT_EQ(made.error().hint, "choose one with --board: " + board_list(Arch::riscv64, ", "));
  EXPECT_NE(made.error().hint.find("kvmtool, "), std::string::npos);
  EXPECT_FALSE(create(Arch::x86_64, {.ram = 64_MiB, .board = "crosvm"}));
}

}  // namespace
}  // namespace pv::machine
