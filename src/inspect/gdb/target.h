// What the protocol needs of a machine: vmm's Debugger is one, the tests have a fake. All CPUs stop
// together (gdb's all-stop mode). CPUs are counted from 0.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "hv/registers.h"

namespace pv::inspect::gdb {

// What a client asks to be stopped at; the numbers are those of Z packets.
enum class Point : u8 { software = 0, hardware = 1, write = 2, read = 3, access = 4 };

enum class Action : u8 { stay, go_on, step };

// Why the machine stands still.
struct Stop {
  enum class Reason : u8 { halted, interrupted, step, breakpoint, watchpoint, own_trap, crashed };
  Reason reason = Reason::halted;
  unsigned cpu = 0;
  Point point = Point::software;  // breakpoint, watchpoint: of which kind
  u64 address = 0;                // watchpoint: what was accessed
};

class Target {
 public:
  virtual ~Target() = default;
  virtual Arch arch() const = 0;
  virtual unsigned cpus() const = 0;

  // Only while all CPUs stand still; errors are for the user.
  virtual Result<hv::RegisterFile> read_registers(unsigned cpu, hv::RegisterGroups groups) = 0;
  virtual Result<void> write_register(unsigned cpu, usize index, hv::RegisterValue value) = 0;
  // Virtual addresses are `cpu`'s. A read gives how many bytes it got, at least one.
  virtual Result<usize> read_memory(unsigned cpu, bool physical, u64 address,
                                    MutableBytes into) = 0;
  virtual Result<void> write_memory(unsigned cpu, bool physical, u64 address, Bytes from) = 0;
  // Inserting twice and removing what is not there succeed. `length` is the watched bytes', or the
  // size of the instruction at a breakpoint. Result false: this host has none of that kind.
  virtual Result<bool> insert(unsigned cpu, Point point, u64 address, u64 length) = 0;
  virtual Result<bool> remove(Point point, u64 address, u64 length) = 0;
  // One action for each CPU. Returns at once; Stub::stopped() follows, always.
  virtual Result<void> resume(std::span<const Action> actions) = 0;

  virtual void interrupt() = 0;  // while running; Stub::stopped() follows
  virtual void detach() = 0;     // removes every breakpoint and lets the guest run
  virtual void kill() = 0;       // ends the VM

  // "CPU 1: halted"; for a list of threads.
  virtual std::string describe(unsigned cpu) = 0;
  // What `monitor LINE` prints.
  virtual std::string monitor(unsigned cpu, std::string_view line) = 0;
};

}  // namespace pv::inspect::gdb
