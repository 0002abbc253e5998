// Subject: a guest that is being looked at, wherever its state comes from: a running VM (asked over
// its control socket), a dump that somebody sent, a fake in a test. All of the diagnosis is written
// against this.
//
// A subject may be another architecture than this machine. What it says is not trusted: sizes are
// checked by whoever uses them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/arch.h"
#include "base/result.h"
#include "hv/registers.h"

namespace pv::inspect {

struct Range {
  u64 begin = 0;
  u64 size = 0;
  bool contains(u64 address) const { return address - begin < size; }
};

inline constexpr Range everywhere{0, ~u64{0}};
// What of `a` lies within `b`.
constexpr Range common(const Range& a, const Range& b) {
  const u64 begin = a.begin > b.begin ? a.begin : b.begin;
  const u64 a_end = a.begin + a.size, b_end = b.begin + b.size;
  const u64 end = a_end < b_end ? a_end : b_end;
  return {begin, end > begin ? end - begin : 0};
}
// 64 MiB with `address` in the middle: a Linux kernel's image with all its data is smaller.
constexpr Range around(u64 address) {
  constexpr u64 reach = 32_MiB;
  return {address > reach ? address - reach : 0, 2 * reach};
}

struct Facts {
  Arch arch = host_arch;
  unsigned cpus = 1;
  std::vector<Range> ram;  // guest-physical; empty: not known
  bool live = false;       // sampling again may show something else
  bool paused = false;     // by its owner
  bool debugger = false;   // one holds the guest, or is waited for
  std::string what;        // "the dump golden.txt", "the VM guest-17"
};

struct EarlierReport;

// Where something stands in guest-physical memory.
struct Hits {
  std::vector<u64> at;
  u64 examined = 0;   // bytes
  bool whole = true;  // false: the search was ended before all of RAM had been seen
};

struct ConsoleUse {
  u64 written = 0;      // bytes, so far
  bool polled = false;  // its last accesses asked for input that was not there
  u64 reads = 0;        // of any device that reached the monitor, so far
};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual const Facts& facts() const = 0;
  // One moment of one vCPU: its general and system registers, as far as they are known.
  virtual Result<hv::RegisterFile> sample(unsigned cpu) = 0;
  // Copies guest-physical memory out; false where there is none, or it is not known.
  virtual bool read_physical(u64 address, MutableBytes into) = 0;
  // Where `pattern` (1 to 24 bytes) begins in RAM, as far as it lies `within`, ascending, at most
  // `most` places. `go_on` is asked now and then; false ends the search. Memory that cannot be read
  // is passed over.
  virtual Hits find_physical(Bytes pattern, usize most, const std::function<bool()>& go_on,
                             const Range& within);
  // Copies memory by a vCPU's virtual address: false where nothing is mapped or known.
  virtual bool read_virtual(const hv::RegisterFile& cpu, u64 address, MutableBytes into) = 0;
  // What the guest does with its console; all 0 where that is not known.
  virtual ConsoleUse console() { return {}; }
  // Where the subject is a report that was written earlier: what that said. Else null.
  virtual const EarlierReport* earlier() const { return nullptr; }
  // What the vCPU's page tables say about `address`, in words for people ("mapped to 0x...", "not
  // mapped: ..."); empty: unknown.
  virtual std::string explain_address(const hv::RegisterFile& cpu, u64 address) {
    static_cast<void>(cpu), static_cast<void>(address);
    return {};
  }
};

// Guest memory is big-endian on powerpc. (Little-endian pages there and big-endian ones elsewhere
// are not known to the diagnosis.)
constexpr bool big_endian(Arch arch) { return arch == Arch::powerpc; }

}  // namespace pv::inspect
