// VirtioPci: the PCI transport (VIRTIO 1.2, section 4.1) for one device: modern, or transitional
// with the legacy interface in an I/O BAR beside it (4.1.4.10, 4.1.5.1.3.1).
//
//   Linux   CONFIG_VIRTIO_PCI; the device appears below /sys/bus/pci/devices/0000:00:01.0
//
// Everything modern lies in one page, BAR 1: common configuration, ISR status, the device's
// configuration, a doorbell for each queue, the MSI-X table. Each queue has an address of its own
// to notify it, which is what an ioeventfd wants. Interrupts go by MSI-X once the driver has
// enabled it (where the machine takes messages), otherwise by INTA#, up while ISR status is not 0.
// Accesses that the specification does not allow read as all ones and write nothing.
// Absent: shared memory regions, queue reset, notification data, power management.
#pragma once

#include <vector>

#include "pci/function.h"
#include "virtio/transport.h"

namespace pv::virtio {

class VirtioPci final : public pci::Function, public Transport {
 public:
  enum class Kind : u8 { modern, transitional };

  // As Transport's; `msis` outlives it too, and is null where the machine takes no messages. A
  // device type without a legacy interface is modern in either case.
  VirtioPci(VirtioDevice& device, memory::GuestMemory& memory, hv::MsiTarget* msis,
            loop::Executor& executor, Log& log, Kind kind);
  ~VirtioPci() override { shut_down(); }

  // A notification of `queue` shall signal this eventfd. Before a BAR is mapped.
  void set_doorbell(u16 queue, int event);

  u32 config_read(u32 offset, bus::Width width) override;
  void config_write(u32 offset, bus::Width width, u32 value) override;

  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 private:
  std::mutex& device_mutex() override { return mutex(); }
  void queue_interrupt(u16 index) override;
  void config_interrupt() override;
  void interrupts_reset() override;

  u64 bar_read(unsigned bar, bus::Access access) override;
  void bar_write(unsigned bar, bus::Access access, u64 value) override;
  u64 read_modern(bus::Access access);
  void write_modern(bus::Access access, u64 value);
  u64 read_common(u32 offset, bus::Width width);
  void write_common(u32 offset, bus::Width width, u64 value);
  void write_common_queue(u32 offset, u32 value);
  u64 read_legacy(bus::Access access);
  void write_legacy(bus::Access access, u64 value);
  void write_legacy_queue(u32 page);

  void add_capabilities();
  void access_by_config(bool write);
  u64 read_device_config(u64 offset, bus::Width width);
  void write_device_config(u64 offset, bus::Width width, u64 value);
  u64 legacy_config_offset() const;
  u8 read_isr();
  u16 known_vector(u64 value) const;
  void set_queue_vector(u64 value);
  u16 queue_vector() const;

  u8 config_window_ = 0;  // offset of the capability for access by configuration registers
  u16 config_vector_;
  std::vector<u16> queue_vectors_;
};

}  // namespace pv::virtio
