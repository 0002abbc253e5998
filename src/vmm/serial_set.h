// SerialSet: the guest's serial ports on the VM's side: a buffer for each output, and which device
// each is.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "machine/machine.h"
#include "virtio/console.h"
#include "vmm/console_buffer.h"
#include "vmm/serial_end.h"

namespace pv::vmm {

class SerialSet {
 public:
  // `ends` is a valid configuration and outlives the set. `wake` is called, by any thread, when
  // there is something to flush.
  SerialSet(std::span<const SerialEnd> ends, const std::function<void()>& wake);

  // Lets `around` put something in front of the console's output. Before the devices are made.
  void watch(const std::function<device::CharSink&(device::CharSink&)>& around);

  // Which port is the console, and which the early one.
  void describe(machine::Spec& spec) const;
  std::span<const machine::SerialPort> uarts() const { return uarts_; }
  machine::DebugPort debugcon() const { return debugcon_; }
  // In the order of their numbers; empty: there is no virtio console.
  std::vector<virtio::Console::Port> virtio_ports() const;

  // Where the input of a port belongs: a UART or a port of the virtio console, numbered from 0.
  struct Place {
    bool on_virtio;
    usize port;
  };
  Place place(usize serial) const;
  // The port that takes standard input.
  std::optional<usize> standard_input() const;

  // Whether there was anything to write out.
  bool flush();
  u64 bytes_written() const;

 private:
  std::vector<usize> virtio_order() const;

  std::span<const SerialEnd> ends_;
  std::vector<std::unique_ptr<ConsoleBuffer>> buffers_;  // as ends_
  std::vector<device::CharSink*> outs_;                  // what devices write to; as ends_
  std::array<machine::SerialPort, machine::max_uarts> uarts_{};
  machine::DebugPort debugcon_;
};

}  // namespace pv::vmm
