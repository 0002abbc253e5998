// Console: virtio-console (VIRTIO 1.2, section 5.3) with one port, or with several by MULTIPORT.
//
//   Linux   CONFIG_VIRTIO_CONSOLE, console=hvc0; early output through EMERG_WRITE
//   ports   hvc0, hvc1... in their order; one that is no console is /dev/vportNpM, which udev links
//           to /dev/virtio-ports/NAME
//
// Output goes to a CharSink in one write per chain. Input is taken only into buffers that the
// driver has provided, and only while it has the port open, which without MULTIPORT is from its
// first output on: Linux gives buffers first and throws away what comes before it has made the
// terminal. What does not fit is refused, and the source is told when there is room. The size is in
// the configuration space of a single port. Deliberately absent: the RESIZE message of MULTIPORT,
// whose fields Linux took in the other order for long (docs/decisions/serial-ports.md); ports that
// come and go.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "device/ports.h"
#include "virtio/device.h"
#include "virtio/spec.h"

namespace pv::virtio {

class Console final : public VirtioDevice {
 public:
  // Of a port's queues, and those of the control queues. A driver fills a receive queue with a page
  // for each entry when it starts: keep that cheap.
  static constexpr u16 usual_receive_size = 16, usual_transmit_size = 64;
  struct Port {
    device::CharSink* sink;
    device::CharSource* source;  // null: nobody types
    std::string name = {};
    bool console = true;       // a terminal for the guest (hvcN), or just a channel
    bool speaks_first = true;  // the guest writes before it reads, as to its console
    u16 receive_size = usual_receive_size, transmit_size = usual_transmit_size;  // powers of two
  };
  static constexpr usize most_ports = 16;

  // All that is pointed to outlives the console. More than one port, a named or plain one, and one
  // that is read first need MULTIPORT; a driver without it sees the first.
  explicit Console(std::vector<Port> ports);
  Console(device::CharSink& sink, device::CharSource& source)
      : Console(std::vector<Port>{{&sink, &source}}) {}

  // Input from outside: takes what the driver has buffers for and returns how many bytes. When
  // that is less than all, CharSource::room() follows once there are buffers again. Caller holds
  // the transport's mutex; feed() takes it.
  usize receive(usize port, Bytes input);
  usize receive(Bytes input) { return receive(0, input); }
  usize feed(usize port, Bytes input);
  // The terminal's size changed. Caller holds the transport's mutex; announce_size() takes it.
  void resize(u16 columns, u16 rows);
  void announce_size(u16 columns, u16 rows);

  std::string_view name() const override { return "virtio-console"; }
  u32 device_id() const override { return spec::device_console; }
  u64 features() const override;
  std::span<const u16> queue_sizes() const override { return sizes_; }
  void read_config(u64 offset, MutableBytes into) const override;
  void write_config(u64 offset, Bytes from) override;
  void notify(u16 queue) override;
  void reset() override;
  void reset_queue(u16) override {}  // nothing popped is ever kept
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

 private:
  struct PortState {
    bool refused = false;  // input waits for room
    bool open = false;     // the driver has it open, or without MULTIPORT has written to it
    u8 untold = 0;         // what is still to be told on the control queue: bits of Told
  };
  enum Told : u8 { told_added = 1, told_console = 2, told_name = 4, told_open = 8 };

  bool multiport_negotiated() const;
  void transmit(u16 queue, usize port);
  void write_out(const Chain& chain, device::CharSink& sink);
  void open(usize port);  // input may flow
  void room(usize port);
  void hear();  // what the driver says on the control queue
  void handle(const spec::console::Control& control);
  void tell();  // what is still to be told
  void write_message(usize port, Told what);

  std::vector<Port> ports_;
  std::vector<PortState> states_;
  bool multiport_;
  std::vector<u16> sizes_;
  u16 columns_ = 0;
  u16 rows_ = 0;
  Chain chain_;
  std::vector<u8> buffer_;
};

}  // namespace pv::virtio
