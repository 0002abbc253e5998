// Machine: one virtual board, described and built without knowing which hypervisor runs it. There
// is one implementation per architecture (machine/<arch>/), all compiled in every build.
//
// The order of calls is the order in which vmm/ brings a VM up:
//   ram() -> choose_irqchip() -> build() -> load() -> boot_state() for each CPU.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/arch.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"
#include "boot/image.h"
#include "bus/bus.h"
#include "device/ports.h"
#include "hv/vm.h"
#include "loop/executor.h"
#include "machine/boot_state.h"
#include "machine/host_facts.h"
#include "machine/irqchip.h"
#include "memory/guest_memory.h"
#include "virtio/mmio_transport.h"
#include "virtio/pci_transport.h"

namespace pv::machine {

// How virtio devices are attached: windows of their own, or functions of a PCI bus.
enum class VirtioBus : u8 { mmio, pci, pci_transitional };

// How many UARTs a board may have.
inline constexpr usize max_uarts = 4;

// What the user asked of the machine.
struct Spec {
  u64 ram = 0;  // bytes
  unsigned cpus = 1;
  IrqChipKind irqchip = IrqChipKind::automatic;
  bool virtio_console = false;  // a Linux kernel's console is hvcN instead of a UART
  VirtioBus virtio = VirtioBus::mmio;
  unsigned virtio_console_index = 0;        // that N
  unsigned console_uart = 0;                // else the console's UART, numbered from 0
  std::optional<unsigned> early_uart = {};  // where a Linux kernel's early console is
  std::string board = {};                   // by name; empty: the default, "virt"

  bool has_pci() const { return virtio != VirtioBus::mmio; }
};

// One end of a UART: where its output goes (null: the port is not asked for) and who feeds it.
struct SerialPort {
  device::CharSink* out = nullptr;
  device::CharSource* in = nullptr;
};

// The debug port of x86_64's firmware; null: there is none.
struct DebugPort {
  device::CharSink* out = nullptr;
  u16 port = 0x402;
};

// What the machine is wired to; everything outlives it.
struct Wiring {
  hv::Vm& vm;
  memory::GuestMemory& ram;
  bus::Bus& mmio;
  bus::Bus& pio;  // x86 ports; unused elsewhere
  std::span<hv::Vcpu* const> vcpus;
  std::span<virtio::VirtioDevice* const> virtio;  // in slot order
  loop::Executor& executor;
  device::Clock& clock;
  device::PowerControl& power;
  std::span<const SerialPort> serials;  // by number; at most max_uarts
  Log& log;
  DebugPort debugcon = {};
  // With PCI: the device number of each of `virtio`, 1 to 31, no two the same; 0: the lowest that
  // is free. Empty: 0 for all.
  std::span<const u32> pci_devices = {};
};

// What is to be run. Descriptors are open for reading; -1 where there is none.
struct Payload {
  int kernel = -1;
  int initrd = -1;
  int device_tree = -1;  // the user's own, instead of the machine's
  std::string command_line;
  Bytes seed;  // entropy for the guest's random number generator; may be empty
  u64 wall_ns = 0;
};

// A virtio-mmio transport and where it answers.
struct VirtioSlot {
  u64 address;
  u32 irq;
  std::unique_ptr<virtio::VirtioMmio> transport;
};

// Writes that nobody waits for and that the kernel may therefore collect (Vm::coalesce_writes).
struct PostedWindow {
  hv::Space space;
  bus::Range range;
};

class Machine {
 public:
  virtual ~Machine() = default;

  virtual std::vector<memory::GuestRange> ram() const = 0;
  // RAM that the machine's own boot data occupies, whatever is loaded.
  virtual std::span<const boot::Reserved> reserved() const { return {}; }
  // The last address of RAM or of a device window.
  virtual u64 highest_address() const = 0;

  // Settles on a controller; `supported` asks the host. Errors: the host lacks what was asked for.
  virtual Result<IrqChip> choose_irqchip(const std::function<bool(IrqChipKind)>& supported) = 0;

  // Creates the devices and puts them on the buses.
  virtual Result<void> build(const Wiring& wiring, const HostFacts& facts) = 0;

  // Places kernel, initrd and the machine's description in guest memory. Errors: an image that is
  // broken, for another architecture, or does not fit.
  virtual Result<void> load(const Payload& payload) = 0;

  // After load().
  virtual BootState boot_state(unsigned cpu) const = 0;
  // The device tree as the guest sees it; empty where the machine has none.
  virtual Bytes device_tree() const { return {}; }
  // One line on what was loaded and where, for the log.
  virtual const std::string& summary() const = 0;

  // Input for a UART, numbered from 0; returns how many bytes it took. Any thread.
  virtual usize receive(usize port, Bytes input) = 0;
  // Whether the guest asks a UART for input again and again. Any thread.
  virtual bool polls_for_input() const = 0;

  // The virtio devices in the order of the configuration: one of the two is empty.
  virtual std::span<const VirtioSlot> virtio_slots() const = 0;
  virtual std::span<virtio::VirtioPci* const> virtio_functions() const { return {}; }
  // Of either.
  std::vector<virtio::Transport*> transports() const;
  virtual std::vector<PostedWindow> posted_windows() const = 0;

  // A call that the kernel left to us (SBI). Called on the vCPU's thread.
  struct CallResult {
    i64 error;
    u64 value;
  };
  virtual CallResult call(const hv::Hypercall& call) = 0;
  // Presses the power button; false where the machine has none.
  virtual bool press_power_button() { return false; }
};

// `line` with `console` (such as "console=hvc0") in front when the user names no console.
std::string with_console(std::string_view line, std::string_view console);

// `line` with what the board adds to a Linux kernel's command line: an early console, unless the
// user says something about one. `early` is earlycon's value.
std::string with_earlycon(std::string line, std::string_view early);

// The names of an architecture's boards, for --board.
std::span<const std::string_view> boards(Arch arch);
// The same as one text: "kvmtool, virt".
std::string board_list(Arch arch, std::string_view separator);

// The board of an architecture. Errors: a spec that this board cannot have.
Result<std::unique_ptr<Machine>> create(Arch arch, const Spec& spec);

}  // namespace pv::machine
