// What can be done to a running VM from outside. vmm implements it, the control server calls it on
// the loop's thread; nothing here may block for longer than it takes to halt the vCPUs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/arch.h"
#include "base/result.h"
#include "base/types.h"
#include "hv/registers.h"
#include "memory/guest_address.h"
#include "memory/search.h"

namespace pv::control {

struct Stats {
  bool paused = false;
  u32 cpus = 0;
  u64 memory = 0;     // guest RAM in bytes
  u64 uptime_ms = 0;  // since the VM was started
  // Whatever else is counted: a key of letters, digits, '.', '_' and '-' such as "exits.mmio-read".
  std::vector<std::pair<std::string, u64>> counters;
};

// What does not change while the VM runs, for those who look into it.
struct Facts {
  Arch arch = host_arch;
  u32 cpus = 0;
  std::vector<memory::GuestRange> ram;
};

inline constexpr usize max_memory_reply = 16 * 1024;  // bytes of guest memory in one answer
inline constexpr usize max_pattern = 24;              // bytes searched for

// Who asks a VM to end: its owner, or the watchdog beside it because the guest hangs.
enum class Stopper : u8 { owner, watchdog };

class Target {
 public:
  virtual ~Target() = default;
  // Pausing a paused VM and resuming a running one succeed and change nothing.
  virtual Result<void> pause() = 0;
  virtual Result<void> resume() = 0;
  // Asks the VM to end soon; returns before it has.
  virtual Result<void> stop(Stopper by) = 0;
  virtual Stats stat() = 0;

  // Looking into the guest, running or paused; each call is one moment of one vCPU, for which a
  // running one is interrupted.
  virtual Facts facts() = 0;
  // The general and system registers. Errors (usage): no such vCPU.
  virtual Result<hv::RegisterFile> registers(u64 cpu) = 0;
  // Guest-physical memory, at most max_memory_reply bytes. Errors (usage): too much, or not RAM.
  virtual Result<std::vector<u8>> memory(u64 address, u64 length) = 0;
  // Where `pattern` (1 to max_pattern bytes) stands in guest-physical memory; a bounded part of the
  // range at once, the answer says where to go on.
  virtual memory::SearchResult search(memory::GuestRange range, Bytes pattern) = 0;
};

}  // namespace pv::control
