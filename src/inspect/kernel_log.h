// The log buffer of a Linux guest, read out of its memory: what it said before any console worked.
//
// Found without symbols, by its first line ("Linux version ..."), in physical memory:
// - Linux 5.10 and later (kernel/printk/printk_ringbuffer.h): data blocks, each an identifier of a
//   machine word and the text; identifiers count up, which leads from block to block.
// - Linux 3.5 to 5.9 (kernel/printk/printk.c): struct printk_log {u64 time; u16 length,
//   text length, dictionary length; ...} before each text.
// Absent: a ring that has gone round (its first line is overwritten), time stamps of the newer form
// (they stand elsewhere), guests that are not Linux.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "inspect/subject.h"

namespace pv::inspect {

struct KernelLog {
  std::vector<std::string> lines;  // oldest first, at most max_lines
  u64 address = 0;                 // guest-physical, of the first record
  bool timed = false;              // lines begin with their time
  static constexpr usize max_lines = 20'000;
};

// `go_on` is asked now and then; false ends the search. Memory that cannot be read is skipped.
std::optional<KernelLog> find_kernel_log(Subject& subject, const std::function<bool()>& go_on);

// The line that says why a Linux kernel gave up; nullptr: it did not.
const std::string* find_panic(const KernelLog& log);

}  // namespace pv::inspect
