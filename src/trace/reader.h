// A trace file read back: checked, and split into one sequence of events for each vCPU.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trace/format.h"

namespace pv::trace {

struct Change {
  u16 index;  // into the architecture's register table
  u64 value;
  bool operator==(const Change&) const = default;
};

struct Event {
  u64 time_ns = 0;
  u64 pc = 0;
  u64 address = 0;
  u64 value = 0;
  Cause cause = Cause::unknown;
  u8 width = 0;
  u8 flags = 0;
  u16 vcpu = 0;
  u32 first_change = 0;  // of a step: where in Trace::changes
  u8 changes = 0;

  bool has(Flag flag) const { return (flags & flag) != 0; }
};

struct Trace {
  Arch arch = host_arch;
  Kind kind = Kind::exits;
  std::string board;  // as --board has it; empty: the default
  u64 wall_ns = 0;
  std::vector<std::vector<Event>> vcpus;
  std::vector<Change> changes;
  u32 registers = 0;  // how many a step can tell; 0: it is not said
  bool cut = false;   // the file ends inside a record: the run was killed

  std::span<const Change> changes_of(const Event& event) const {
    return std::span(changes).subspan(event.first_change, event.changes);
  }
  u64 lost() const;
  usize events() const;
  // All events in the order of time.
  std::vector<const Event*> in_time() const;
};

// Errors (image): no trace, of another version, damaged.
Result<Trace> parse(Bytes file, std::string_view name);
// Errors: also that the file cannot be read, or has more than 1 GiB.
Result<Trace> read(const std::string& path);

}  // namespace pv::trace
