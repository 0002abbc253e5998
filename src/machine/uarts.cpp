#include "machine/uarts.h"

#include <algorithm>

#include "base/text.h"
#include "device/ns16550.h"
#include "device/pl011.h"

namespace pv::machine {

Result<void> Uarts::build(std::span<const SerialPort> wanted, const Line& line,
                          const Attach& attach) {
  for (usize port = 0; port < max_uarts; ++port) {
    const SerialPort given = port < wanted.size() ? wanted[port] : SerialPort{};
    const bool has_window = window(port).size != 0;
    if (given.out != nullptr && !has_window)
      return fail(Error::Kind::usage, text("this board has no serial port {}", port + 1),
                  "give a smaller num, or hardware=virtio-console");
    if (given.out != nullptr || (has_window && (port == 0 || plan_.all)))
      outs_[port] = given.out != nullptr ? given.out : &nowhere_;
  }
  for (usize port = 0; port < max_uarts; ++port) {
    if (outs_[port] == nullptr) continue;
    hv::IrqLine& irq = *TRY(line_of(port, line));
    if (plan_.kind == UartKind::pl011)
      ports_[port] = std::make_unique<device::Pl011>(irq, *outs_[port]);
    else
      ports_[port] = std::make_unique<device::Ns16550>(irq, *outs_[port]);
    if (port < wanted.size()) ports_[port]->set_source(wanted[port].in);
    const char* name = plan_.kind == UartKind::pl011 ? "pl011" : "ns16550";
    TRY(attach({window(port).base, window(port).size}, *ports_[port], name));
  }
  return {};
}

bool Uarts::shares_line(usize port) const {
  for (usize other = 0; other < max_uarts; ++other)
    if (other != port && outs_[other] != nullptr && window(other).irq == window(port).irq)
      return true;
  return false;
}

Result<hv::IrqLine*> Uarts::line_of(usize port, const Line& line) {
  const u32 irq = window(port).irq;
  if (!shares_line(port)) return line(irq);
  for (Shared& shared : shared_)
    if (shared.irq == irq) return &shared.line.input();
  hv::IrqLine* own = TRY(line(irq));
  return &shared_.emplace_back(irq, *own).line.input();
}

usize Uarts::receive(usize port, Bytes input) {
  if (port >= max_uarts || !ports_[port]) return 0;
  std::lock_guard lock(ports_[port]->mutex());
  return ports_[port]->receive(input);
}

bool Uarts::polled() const {
  return std::ranges::any_of(ports_, [](const auto& port) {
    if (!port) return false;
    std::lock_guard lock(port->mutex());
    return port->polled();
  });
}

std::vector<PostedWindow> Uarts::posted_windows() const {
  const u64 bytes = plan_.kind == UartKind::pl011 ? 4 : 1;
  static_assert(device::Pl011::posted_offset == device::Ns16550::posted_offset);
  std::vector<PostedWindow> windows;
  for (usize port = 0; port < max_uarts; ++port) {
    const bool there = outs_[port] != nullptr && outs_[port] != &nowhere_;
    if (port != 0 && !there) continue;
    windows.push_back({plan_.space, {window(port).base + device::Ns16550::posted_offset, bytes}});
  }
  return windows;
}

std::string Uarts::earlycon(usize port) const {
  const u64 base = window(port).base;
  if (plan_.kind == UartKind::pl011) return text("pl011,{:#x}", base);
  return text("uart8250,{},{:#x}", plan_.space == hv::Space::pio ? "io" : "mmio", base);
}

usize Uarts::count() const {
  usize count = 0;
  for (const auto& port : ports_) count += port != nullptr ? 1 : 0;
  return count;
}

}  // namespace pv::machine
