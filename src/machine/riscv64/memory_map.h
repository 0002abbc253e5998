// What a riscv64 board is: one table of constants. The boards stand in boards/, a file each; the
// build finds them by itself, and --board takes the table's name.
// ARCHITECTURE.md says how to add one.
#pragma once

#include <string_view>

#include "base/types.h"
#include "machine/pci_map.h"
#include "machine/uarts.h"

namespace pv::machine::riscv64 {

using namespace pv::literals;

struct Window {
  u64 base = 0;
  u64 size = 0;
  u32 irq = 0;  // PLIC or APLIC source
};

struct MemoryMap {
  std::string_view name;        // of --board
  std::string_view compatible;  // of the tree's root
  std::string_view model;
  u64 ram_base;
  PciMap pci{};  // of --transport pci

  u64 plic;
  u64 aplic;    // supervisor level
  u64 imsic;    // supervisor level, 4 KiB for each hart
  u32 sources;  // the highest interrupt without PCI; a guest sets up each of them

  UartPlan uarts;
  std::string_view uart_node;  // the name of their nodes
  u32 uart_clock_hz;

  Window rtc;
  Window test_exit;
  Window panic;   // ours: the boards that these are made after have nothing there
  Window virtio;  // slot n: base + n * size, irq + n
  usize virtio_slots;
};

constexpr u64 aplic_size = 0x8000;
constexpr u64 imsic_size = 0x1000;
constexpr unsigned most_harts = 64;

// The board of this name ("": the default, "virt"), or nullptr.
const MemoryMap* find_board(std::string_view name);
// All names, in alphabetical order.
std::span<const std::string_view> board_names();

}  // namespace pv::machine::riscv64
