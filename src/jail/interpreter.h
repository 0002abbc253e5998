// For tests: runs a filter as the kernel would, on a system call that is described and not made.
// constexpr, so that a cross compiler checks the programs of an architecture that cannot be run.
// Only the instructions that program.h emits; anything else is `broken`.
#pragma once

#include <array>

#include "jail/program.h"

namespace pv::jail {

struct Attempt {
  u32 number = 0;
  std::array<u64, 6> arguments{};
  u32 arch = audit_arch;
};

struct Verdict {
  u32 action = 0;  // SECCOMP_RET_..., with its data
  unsigned steps = 0;

  constexpr bool allowed() const { return action == SECCOMP_RET_ALLOW; }
  constexpr bool trapped() const { return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRAP; }
  constexpr bool killed() const { return action == SECCOMP_RET_KILL_PROCESS; }
  constexpr bool refused(u32 error) const { return action == (SECCOMP_RET_ERRNO | error); }
};

constexpr u32 broken = SECCOMP_RET_LOG | 0xbad;

// The aligned 32-bit word of seccomp_data at `offset` in this machine's byte order.
constexpr u32 word_of(const Attempt& attempt, u32 offset) {
  if (offset == offsetof(seccomp_data, nr)) return attempt.number;
  if (offset == offsetof(seccomp_data, arch)) return attempt.arch;
  u32 index = (offset - static_cast<u32>(offsetof(seccomp_data, args))) / 8;
  bool first = offset % 8 == 0;
  bool low = first == (std::endian::native == std::endian::little);
  u64 argument = attempt.arguments.at(index);
  return static_cast<u32>(low ? argument : argument >> 32);
}

constexpr Verdict interpret(const Filter& filter, const Attempt& attempt, u32 pid = 0) {
  u32 accumulator = 0;
  unsigned steps = 0;
  for (usize at = 0; at < filter.code.size(); ++at) {
    const sock_filter& op = filter.code[at];
    u32 k = op.k;
    for (u16 slot : filter.pid_slots)
      if (slot == at) k = pid;
    ++steps;
    switch (op.code) {
      case BPF_LD | BPF_W | BPF_ABS: accumulator = word_of(attempt, k); break;
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= k; break;
      case BPF_JMP | BPF_JA: at += k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += accumulator == k ? op.jt : op.jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: at += accumulator >= k ? op.jt : op.jf; break;
      case BPF_JMP | BPF_JSET | BPF_K: at += (accumulator & k) != 0 ? op.jt : op.jf; break;
      case BPF_RET | BPF_K: return {k, steps};
      default: return {broken, steps};
    }
  }
  return {broken, steps};  // ran off the end
}

}  // namespace pv::jail
