// What an aarch64 board is: one table of constants. The boards stand in boards/, a file each; the
// build finds them by itself, and --board takes the table's name.
// ARCHITECTURE.md says how to add one.
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
  PciMap pci{};  // of --transport pci

  u64 gic_distributor;    // 64 KiB
  u64 gic_cpu_interface;  // GICv2
  u64 gic_cpu_interface_size;
  // GICv3: 128 KiB for each CPU; 0: they end where the distributor begins.
  u64 gic_redistributors = 0;
  unsigned most_cpus;  // for which there is room
  u64 gic_its = 0;     // GICv3's, with PCI: 128 KiB; 0: it ends where the redistributors begin
  u64 gicv2m;          // for messages on a GICv2, with PCI: 4 KiB

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
  Window flash{};  // kept free for firmware's, of which there is none yet; size 0: no such place

  constexpr u64 redistributors(unsigned cpus) const;
  constexpr u64 its(unsigned cpus) const;
};

constexpr u64 gic_distributor_size = 0x1'0000;
constexpr u64 gic_redistributor_size = 0x2'0000;
constexpr u32 gic_interrupts = 96;  // SGIs, PPIs and 64 SPIs

constexpr u64 MemoryMap::redistributors(unsigned cpus) const {
  return gic_redistributors != 0 ? gic_redistributors
                                 : gic_distributor - cpus * gic_redistributor_size;
}

constexpr u64 gic_its_size = 0x2'0000;
constexpr u64 MemoryMap::its(unsigned cpus) const {
  return gic_its != 0 ? gic_its : redistributors(cpus) - gic_its_size;
}

constexpr u32 gicv2m_first_spi = 48;
constexpr u32 gicv2m_spis = 64;
constexpr u32 gic_interrupts_with_gicv2m = 160;  // up to 48 + 64 shared ones, in whole words

// The board of this name ("": the default, "virt"), or nullptr.
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
