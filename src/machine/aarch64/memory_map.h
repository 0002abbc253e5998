// What an aarch64 board is: one table of constants. The boards stand in boards/, a file each; the
// build finds them by itself, and --board takes the table's name.
//
// To add one: copy boards/virt.h, change the constants, and run machine_tests with
// UPDATE_GOLDENS=1, which writes golden/board_NAME.dts. Nothing else is touched.
#pragma once

#include <string_view>

#include "base/types.h"
#include "machine/pci_map.h"
#include "machine/uarts.h"

namespace pv::machine::aarch64 {

using namespace pv::literals;

struct Window {
  u64 base = 0;
  u64 size = 0;
  u32 spi = 0;  // shared peripheral interrupt, numbered from 0
};

struct MemoryMap {
  std::string_view name;        // of --board
  std::string_view compatible;  // of the tree's root
  std::string_view model;
  u64 ram_base;
  bool pci = false;  // whether --transport pci exists: at pci_map, below

  u64 gic_distributor;    // 64 KiB
  u64 gic_cpu_interface;  // GICv2
  u64 gic_cpu_interface_size;
  u64 gic_redistributors;  // GICv3: 128 KiB for each CPU; 0: they end where the distributor begins
  unsigned most_cpus;      // for which there is room

  UartPlan uarts;
  std::string_view uart_node;  // the name of their nodes
  u32 uart_clock_hz;

  Window rtc;
  // Ours: the boards that these are made after have nothing there. How a guest says that it
  // panicked, and how it ends with an exit status.
  Window panic;
  Window test_exit;
  Window virtio;  // slot n: base + n * size, spi + n
  usize virtio_slots;
  Window
      flash;  // kept free for firmware's flash, of which there is none yet; size 0: no such place

  constexpr u64 redistributors(unsigned cpus) const;
};

constexpr u64 gic_distributor_size = 0x1'0000;
constexpr u64 gic_redistributor_size = 0x2'0000;
constexpr u32 gic_interrupts = 96;  // SGIs, PPIs and 64 SPIs

constexpr u64 MemoryMap::redistributors(unsigned cpus) const {
  return gic_redistributors != 0 ? gic_redistributors
                                 : gic_distributor - cpus * gic_redistributor_size;
}

// PCI of the virt board, as in QEMU's virt with highmem=off: one window below RAM for everything.
// GICv2m is for messages on a GICv2, the ITS on a GICv3.
constexpr PciMap pci_map{.ecam = 0x3f00'0000,
                         .memory = {0x1000'0000, 0x2eff'0000},
                         .io = {0x3eff'0000, 0x1'0000},
                         .io_ports = 0,
                         .first_irq = 3};
constexpr u64 gic_its = 0x0808'0000;
constexpr u64 gic_its_size = 0x2'0000;
constexpr u64 gicv2m = 0x0802'0000;
constexpr u32 gicv2m_first_spi = 48;
constexpr u32 gicv2m_spis = 64;
constexpr u32 gic_interrupts_with_gicv2m = 160;  // up to 48 + 64 shared ones, in whole words

// The board of this name, or nullptr.
const MemoryMap* find_board(std::string_view name);
// All names, in alphabetical order.
std::span<const std::string_view> board_names();

// Private peripheral interrupts of the architected timer (BSA 1.0, section 3.7).
namespace ppi {
constexpr u32 secure_timer = 13;
constexpr u32 physical_timer = 14;
constexpr u32 virtual_timer = 11;
constexpr u32 hypervisor_timer = 10;
constexpr u32 pmu = 7;
}  // namespace ppi

}  // namespace pv::machine::aarch64
