#include "machine/device_tree.h"

namespace pv::machine {

void add_root(boot::FdtBuilder& fdt, std::string_view compatible, std::string_view model) {
  fdt.prop("#address-cells", 2u);
  fdt.prop("#size-cells", 2u);
  fdt.prop("compatible", compatible);
  fdt.prop("model", model);
}

void add_memory(boot::FdtBuilder& fdt, std::span<const memory::GuestRange> ram) {
  for (const auto& range : ram) {
    auto node = fdt.node("memory", range.base.value());
    fdt.prop("device_type", "memory");
    fdt.reg({{range.base.value(), range.size}});
  }
}

void add_chosen(boot::FdtBuilder& fdt, const TreeInput& input) {
  auto node = fdt.node("chosen");
  if (!input.command_line.empty()) fdt.prop("bootargs", input.command_line);
  fdt.prop("stdout-path", input.console_path);
  if (input.initrd.size != 0) {
    fdt.prop("linux,initrd-start", input.initrd.base.value());
    fdt.prop("linux,initrd-end", input.initrd.end());
  }
  if (!input.seed.empty()) fdt.bytes("rng-seed", input.seed);
}

void add_panic(boot::FdtBuilder& fdt, u64 base, u64 size) {
  auto node = fdt.node("pvpanic-mmio", base);
  fdt.prop("compatible", "qemu,pvpanic-mmio");
  fdt.reg({{base, size}});
}

void add_virtio(boot::FdtBuilder& fdt, std::span<const VirtioSlot> slots, u64 window,
                const std::function<std::vector<u32>(u32 irq)>& interrupt) {
  for (const auto& slot : slots) {
    auto node = fdt.node("virtio_mmio", slot.address);
    fdt.prop("compatible", "virtio,mmio");
    fdt.reg({{slot.address, window}});
    fdt.cells("interrupts", interrupt(slot.irq));
    fdt.prop("dma-coherent");
  }
}

}  // namespace pv::machine
