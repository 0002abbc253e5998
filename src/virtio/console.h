// Console: virtio-console with one port (VIRTIO 1.2, section 5.3).
//
//   Linux   CONFIG_VIRTIO_CONSOLE, console=hvc0; early output through EMERG_WRITE
//
// Output goes to a CharSink in one write per chain. Input is taken only into buffers that the
// driver has provided: what does not fit is refused, and the source is told when there is room.
// The terminal's size is in the configuration space. Absent: MULTIPORT (further ports and the
// control queues; their indices 2 and up are free).
#pragma once

#include <array>
#include <vector>

#include "device/ports.h"
#include "virtio/device.h"
#include "virtio/spec.h"

namespace pv::virtio {

class Console final : public VirtioDevice {
 public:
  // Both outlive the console.
  Console(device::CharSink& sink, device::CharSource& source) : sink_(sink), source_(source) {}

  // Input from the terminal: takes what the driver has buffers for and returns how many bytes.
  // When that is less than all, CharSource::room() follows once there are buffers again. Caller
  // holds the transport's mutex.
  usize receive(Bytes input);
  // The terminal's size changed. Caller holds the transport's mutex.
  void resize(u16 columns, u16 rows);

  std::string_view name() const override { return "virtio-console"; }
  u32 device_id() const override { return spec::device_console; }
  u64 features() const override;
  std::span<const u16> queue_sizes() const override { return sizes; }
  void read_config(u64 offset, MutableBytes into) const override;
  void write_config(u64 offset, Bytes from) override;
  void notify(u16 queue) override;
  void reset() override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 private:
  // A driver fills the receive queue with a page per entry when it starts: keep that cheap.
  static constexpr std::array<u16, 2> sizes = {16, 64};

  void transmit();
  void write_out(const Chain& chain);

  device::CharSink& sink_;
  device::CharSource& source_;
  u16 columns_ = 0;
  u16 rows_ = 0;
  bool refused_ = false;  // input waits for room
  Chain chain_;
  std::vector<u8> buffer_;
};

}  // namespace pv::virtio
