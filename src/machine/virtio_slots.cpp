#include "machine/virtio_slots.h"

#include "base/text.h"

namespace pv::machine {

u64 VirtioSlots::Empty::read(bus::Access access) {
  namespace mmio = virtio::spec::mmio;
  u64 offset = access.offset % stride_;
  u64 value = offset == mmio::MagicValue ? mmio::magic
              : offset == mmio::Version  ? mmio::version
                                         : 0;
  return bus_order_ == std::endian::big ? bus::byte_swapped(value, access.width) : value;
}

Result<void> VirtioSlots::build(const Wiring& wiring, u64 base, u64 stride, u32 first_irq,
                                usize count, const std::function<Result<hv::IrqLine*>(u32)>& line,
                                std::endian bus_order) {
  if (wiring.virtio.size() > count)
    return fail(
        Error::Kind::usage,
        text("{} virtio devices do not fit this board's {} slots", wiring.virtio.size(), count),
        "remove some disks");
  for (usize n = 0; n < wiring.virtio.size(); ++n) {
    u32 irq = first_irq + static_cast<u32>(n);
    u64 address = base + n * stride;
    hv::IrqLine* irq_line = TRY(line(irq));
    auto transport = std::make_unique<virtio::VirtioMmio>(*wiring.virtio[n], wiring.ram, *irq_line,
                                                          wiring.executor, wiring.log, bus_order);
    TRY(wiring.mmio.attach({address, virtio::VirtioMmio::size}, *transport,
                           wiring.virtio[n]->name()));
    slots_.push_back({address, irq, std::move(transport)});
  }
  if (usize used = slots_.size(); used < count) {
    empty_ = std::make_unique<Empty>(stride, bus_order);
    TRY(wiring.mmio.attach({base + used * stride, (count - used) * stride}, *empty_,
                           "empty virtio slots"));
  }
  return {};
}

}  // namespace pv::machine
