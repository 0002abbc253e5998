// Goldens of device trees, through dtc, which also checks them. machine/golden.h says how they are
// written anew.
#pragma once

#include <gtest/gtest.h>

#include "machine/aarch64/memory_map.h"
#include "machine/golden.h"
#include "machine/riscv64/memory_map.h"
#include "machine/test_machine.h"

namespace pv::machine {

struct TreeCase {
  const char* name;
  Arch arch;
  IrqChipKind irqchip;
  unsigned cpus;
  usize virtio;  // 3: console, disk, rng
  bool initrd;
  const char* command_line;
  VirtioBus bus = VirtioBus::mmio;
};

// The bindings of riscv,cpu-intc and riscv,imsics have no #address-cells; dtc would like one in
// whatever an interrupt-map could lead to, and there is no such map.
// The GPIO power switch has no registers of its own and lies on the bus all the same.
inline bool is_expected(std::string_view warning) {
  if (warning.find("(simple_bus_reg)") != warning.npos &&
      warning.find("/power-off") != warning.npos)
    return true;
  return warning.find("(interrupt_provider)") != warning.npos &&
         (warning.find("/cpus/cpu@") != warning.npos || warning.find("/imsics@") != warning.npos);
}
inline std::string unexpected(std::string_view warnings) {
  std::string rest;
  while (!warnings.empty()) {
    std::string_view line = warnings.substr(0, warnings.find('\n') + 1);
    if (!is_expected(line)) rest += line;
    warnings.remove_prefix(line.size());
  }
  return rest;
}

inline HostFacts facts(const TreeCase& c) {
  HostFacts facts;
  facts.isa_letters = "imafdc";
  facts.isa_extensions = {"ssaia", "sstc", "zicbom"};
  facts.mmu = c.cpus == 1 ? "" : "sv48";
  facts.timebase_hz = 10'000'000;
  if (c.cpus != 1) facts.cbom_block = facts.cboz_block = 64;
  facts.aia_ids = 255;
  if (c.arch == Arch::powerpc) {
    bool small = c.cpus == 1;
    facts.processor_version = small ? 0x8021'0030 : 0x8024'1021;
    facts.timebase_hz = facts.clock_hz = 400'000'000;
    facts.cache_line = small ? 32 : 64;
    facts.hypercall = small ? std::array<u32, 4>{0x3c004b56, 0x60004d21, 0x44000002, 0x60000000}
                            : std::array<u32, 4>{0x44000022, 0x60000000, 0x60000000, 0x60000000};
    facts.hypercall_idle = true;
  }
  return facts;
}

// In `folder`/ARCH/golden/, a path below src/machine/ ("." is itself).
inline void expect_tree(const TreeCase& c, const std::string& board = "",
                        std::string_view folder = ".") {
  TestMachine t(
      c.arch,
      {.ram = 256_MiB, .cpus = c.cpus, .irqchip = c.irqchip, .virtio = c.bus, .board = board},
      facts(c));
  ASSERT_TRUE(t.build(c.virtio)) << t.error;
  TestPayload payload;
  payload.command_line = c.command_line;
  if (c.initrd) payload.initrd.resize(12345);
  ASSERT_TRUE(t.load(payload)) << t.error;

  // Byte for byte the tree that dtc has judged where there is one: hosts of other byte order have
  // none.
  expect_golden(text("{}/{}/golden/{}.sum", folder, name(c.arch), c.name),
                checksum(t.machine->device_tree()));
  if (!has_tool("dtc")) return;
  ScratchFolder scratch;
  std::string tree = scratch.file("tree.dtb"), warnings = scratch.file("warnings");
  write_file(tree, t.machine->device_tree());
  Output source = run("dtc -I dtb -O dts " + tree + " 2>" + warnings);
  ASSERT_EQ(source.status, 0);
  EXPECT_EQ(unexpected(read_text_file(warnings)), "");
  expect_golden(text("{}/{}/golden/{}.dts", folder, name(c.arch), c.name), source.text);
}

inline bool has_pci(Arch arch, std::string_view board) {
  return arch == Arch::aarch64 ? aarch64::find_board(board)->pci.exists()
                               : riscv64::find_board(board)->pci.exists();
}

// board_NAME, and board_NAME_pci where the board has a PCI bus.
inline void expect_board_trees(Arch arch, std::string_view board, std::string_view folder = ".") {
  const auto chip = arch == Arch::aarch64 ? IrqChipKind::gicv3 : IrqChipKind::plic;
  const std::string plain = text("board_{}", board), pci = plain + "_pci";
  expect_tree({plain.c_str(), arch, chip, 2, 2, false, ""}, std::string(board), folder);
  if (has_pci(arch, board))
    expect_tree({pci.c_str(), arch, chip, 2, 2, false, "", VirtioBus::pci}, std::string(board),
                folder);
}

}  // namespace pv::machine
