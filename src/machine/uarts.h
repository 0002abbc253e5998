// Uarts: the serial ports of a board, up to four, out of the table of its windows: made, put on the
// bus, fed and described alike on every architecture.
#pragma once

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "device/uart.h"
#include "hv/shared_line.h"
#include "machine/machine.h"

namespace pv::machine {

enum class UartKind : u8 { ns16550, pl011 };

// Where a port answers. Those of the same irq share its line. Size 0: the board has no such port.
struct UartWindow {
  u64 base = 0;
  u64 size = 0;
  u32 irq = 0;
};
using UartWindows = std::array<UartWindow, max_uarts>;

struct UartPlan {
  UartKind kind;
  UartWindows windows;
  // Whether there are ports that nobody asked for (their output goes nowhere). The first is always
  // there.
  bool all = false;
  hv::Space space = hv::Space::mmio;
};

class Uarts {
 public:
  using Line = std::function<Result<hv::IrqLine*>(u32 irq)>;
  using Attach = std::function<Result<void>(bus::Range, bus::MmioDevice&, std::string_view name)>;

  explicit Uarts(UartPlan plan) : plan_(plan) {}

  // Errors: a port is asked for that the board does not have; those of `line` and `attach`.
  Result<void> build(std::span<const SerialPort> wanted, const Line& line, const Attach& attach);

  bool present(usize port) const { return ports_[port] != nullptr; }
  // Input for a port; returns how many bytes it took. Any thread.
  usize receive(usize port, Bytes input);
  // Whether the guest polls one of them for input. Any thread.
  bool polled() const;
  std::vector<PostedWindow> posted_windows() const;
  // Where output goes that is no UART's, such as a firmware call's: the first port's.
  device::CharSink& first_out() const { return *outs_[0]; }
  // "uart8250,mmio,0x3f8" or "pl011,0x9000000": Linux's earlycon parameter for a port.
  std::string earlycon(usize port) const;
  const UartPlan& plan() const { return plan_; }
  const UartWindow& window(usize port) const { return plan_.windows[port]; }
  // How many ports there are.
  usize count() const;

 private:
  bool shares_line(usize port) const;
  Result<hv::IrqLine*> line_of(usize port, const Line& line);

  UartPlan plan_;
  device::NullSink nowhere_;
  std::array<device::CharSink*, max_uarts> outs_{};
  std::array<std::unique_ptr<device::Uart>, max_uarts> ports_;
  struct Shared {
    Shared(u32 number, hv::IrqLine& leads_to) : irq(number), line(leads_to) {}
    u32 irq;
    hv::SharedLine line;
  };
  std::list<Shared> shared_;
};

}  // namespace pv::machine
