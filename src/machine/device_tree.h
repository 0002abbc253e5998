// What the device trees of all boards have in common (Devicetree Specification 0.4): root, memory,
// chosen, virtio-mmio windows. The board adds CPUs, interrupt controller and devices of its own.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "boot/fdt.h"
#include "machine/machine.h"

namespace pv::machine {

// What the tree says that is not fixed by the board.
struct TreeInput {
  std::string_view command_line;
  std::string console_path;   // of the UART: /chosen/stdout-path
  memory::GuestRange initrd;  // size 0: none
  Bytes seed;
};

// #address-cells and #size-cells of 2, compatible and model. Inside the root node.
void add_root(boot::FdtBuilder& fdt, std::string_view compatible, std::string_view model);
void add_memory(boot::FdtBuilder& fdt, std::span<const memory::GuestRange> ram);
// bootargs, stdout-path, initrd and rng-seed.
void add_chosen(boot::FdtBuilder& fdt, const TreeInput& input);
// A pvpanic register: Devicetree binding qemu,pvpanic-mmio.
void add_panic(boot::FdtBuilder& fdt, u64 base, u64 size);
// One node per slot, `window` bytes each; `interrupt` gives the cells of "interrupts" for an irq.
void add_virtio(boot::FdtBuilder& fdt, std::span<const VirtioSlot> slots, u64 window,
                const std::function<std::vector<u32>(u32 irq)>& interrupt);

}  // namespace pv::machine
