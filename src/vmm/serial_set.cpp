#include "vmm/serial_set.h"

#include <algorithm>

namespace pv::vmm {

using config::SerialHardware;

SerialSet::SerialSet(std::span<const SerialEnd> ends, const std::function<void()>& wake)
    : ends_(ends) {
  for (const SerialEnd& end : ends) {
    auto& buffer = *buffers_.emplace_back(std::make_unique<ConsoleBuffer>(*end.out, wake));
    outs_.push_back(&buffer);
    if (end.what->hardware == SerialHardware::uart)
      uarts_[end.what->num - 1] = {&buffer, end.in};
    else if (end.what->hardware == SerialHardware::debugcon)
      debugcon_ = {&buffer, static_cast<u16>(end.what->debugcon_port)};
  }
}

void SerialSet::watch(const std::function<device::CharSink&(device::CharSink&)>& around) {
  usize console = 0;  // the first, unless one is marked
  for (usize i = 0; i < ends_.size(); ++i)
    if (ends_[i].what->console) console = i;
  outs_[console] = &around(*outs_[console]);
  const config::Serial& what = *ends_[console].what;
  if (what.hardware == SerialHardware::uart) uarts_[what.num - 1].out = outs_[console];
}

void SerialSet::describe(machine::Spec& spec) const {
  for (usize i = 0; i < ends_.size(); ++i) {
    const config::Serial& what = *ends_[i].what;
    if (what.earlycon) spec.early_uart = what.num - 1;
    if (!what.console) continue;
    const Place where = place(i);
    spec.virtio_console = where.on_virtio;
    if (!where.on_virtio)
      spec.console_uart = static_cast<unsigned>(where.port);
    else  // hvcN counts the ports that are terminals
      for (const auto& port : virtio_ports()) {
        if (port.source == ends_[i].in && port.sink == outs_[i]) break;
        spec.virtio_console_index += port.console ? 1 : 0;
      }
  }
}

std::vector<usize> SerialSet::virtio_order() const {
  std::vector<usize> order;
  for (usize i = 0; i < ends_.size(); ++i)
    if (ends_[i].what->hardware == SerialHardware::virtio_console) order.push_back(i);
  std::ranges::sort(order, {}, [this](usize i) { return ends_[i].what->num; });
  return order;
}

std::vector<virtio::Console::Port> SerialSet::virtio_ports() const {
  std::vector<virtio::Console::Port> ports;
  for (usize i : virtio_order()) {
    const config::Serial& what = *ends_[i].what;
    ports.push_back({outs_[i], ends_[i].in, what.name, what.name.empty() || what.console});
    ports.back().speaks_first = what.console;
    if (what.max_queue_sizes.empty()) continue;
    ports.back().receive_size = static_cast<u16>(what.max_queue_sizes[0]);
    ports.back().transmit_size = static_cast<u16>(what.max_queue_sizes[1]);
  }
  return ports;
}

SerialSet::Place SerialSet::place(usize serial) const {
  if (ends_[serial].what->hardware != SerialHardware::virtio_console)
    return {false, ends_[serial].what->num - 1};
  const auto order = virtio_order();
  return {true, static_cast<usize>(std::ranges::find(order, serial) - order.begin())};
}

std::optional<usize> SerialSet::standard_input() const {
  for (usize i = 0; i < ends_.size(); ++i)
    if (ends_[i].what->standard_input) return i;
  return std::nullopt;
}

bool SerialSet::flush() {
  bool any = false;
  for (auto& buffer : buffers_) any = buffer->flush() || any;
  return any;
}

u64 SerialSet::bytes_written() const {
  u64 sum = 0;
  for (const auto& buffer : buffers_) sum += buffer->bytes_written();
  return sum;
}

}  // namespace pv::vmm
