// What the diagnosis comes to: a verdict in words, with the evidence under it.
#pragma once

#include <string>
#include <vector>

#include "inspect/subject.h"

namespace pv::inspect {

enum class Cause : u8 {
  busy,
  idle,
  paused,
  debugged,
  never_started,   // a CPU that waits for another one to start it
  exception_loop,  // an exception whose handling ends in the same exception
  unwritten_register,
  nothing_at_pc,
  stack_overflow,
  panic,
  waits_for_ever,
  spinning,
  unknown,
};
// For scripts: "exception-loop".
std::string_view name(Cause cause);
// Whether nothing seems to be wrong.
bool is_healthy(Cause cause);

struct Verdict {
  Cause cause = Cause::unknown;
  std::string sentence;               // without a full stop
  std::vector<std::string> evidence;  // likewise
  std::vector<std::string> advice;
};

struct CpuReport {
  unsigned cpu = 0;
  Verdict verdict;
  hv::RegisterFile registers;          // the last sample
  std::vector<std::string> state;      // in words
  std::vector<std::string> code;       // around the program counter
  std::vector<std::string> backtrace;  // innermost first
  std::vector<std::string> on_stack;   // what else looks like return addresses
  std::vector<u8> bytes;               // the code, for a dump that can be read again
  u64 bytes_at = 0;
};

struct Report {
  Facts facts;
  usize samples = 0;      // of each CPU
  unsigned deciding = 0;  // index in cpus of the one that the verdict is about
  Verdict verdict;        // of the guest
  std::vector<CpuReport> cpus;
  std::vector<std::string> log;  // the last lines of the guest's kernel log
  std::string log_note;          // where it was found, or why it was not
  std::string names_note;        // where names of addresses are from; empty: there are none
};

std::string render_text(const Report& report);
std::string render_json(const Report& report);

}  // namespace pv::inspect
