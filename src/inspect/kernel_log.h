// The log buffer of a Linux guest, read out of its memory: what it said before any console worked.
//
// Found without symbols, by its first line ("Linux version ...") in physical memory: Linux 5.10 and
// later have printk_ring.h's form; 3.5 to 5.9 struct printk_log {u64 time; u16 length, text length,
// dictionary length; ...} before each text (kernel/printk/printk.c there). Where a name leads to
// the ring (symbols, the guest's own table of names, its vmcoreinfo), a ring that has gone round
// and lost that line is read, too.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/subject.h"

namespace pv::inspect {

struct KernelLog {
  std::vector<std::string> lines;  // oldest first, at most max_lines
  u64 address = 0;                 // of the text; guest-physical when it was found by searching
  usize records = 0;
  bool timed = false;  // lines begin with their time
  static constexpr usize max_lines = 20'000;
};

struct LogSearch {
  std::optional<KernelLog> log;
  bool is_linux = false;  // something in memory calls itself Linux
  u64 kernel = 0;         // where it does so first: among the kernel's constants
  u64 examined = 0;       // bytes searched
  bool whole = true;      // false: the search was ended before all of RAM had been seen
};

// How the ring can be found by name.
struct LogHint {
  const hv::RegisterFile* cpu = nullptr;  // whose page tables translate
  u64 variable = 0;                       // virtual address of the kernel's variable `prb`
};

// `go_on` is asked now and then; false ends the search. Memory that cannot be read is passed over.
LogSearch find_kernel_log(Subject& subject, const std::optional<LogHint>& hint,
                          const std::function<bool()>& go_on);

// The line that says why a Linux kernel gave up; nullptr: it did not.
const std::string* find_panic(const KernelLog& log);

// A record's text as lines, each after `prefix`, with what no terminal should see made visible.
void add_log_lines(std::string_view words, const std::string& prefix, KernelLog& log);

}  // namespace pv::inspect
