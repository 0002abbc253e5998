// Check: one question about the host, with an answer that says what was seen, why it is so and how
// to mend it. `polyvisor doctor` prints all of them; `polyvisor run` that failed prints the one
// that explains the failure (explain.h), so that each text exists once.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arch.h"
#include "doctor/probe.h"

namespace pv::doctor {

// broken: no guest can run until it is mended. limited: guests run, slower or with less.
// absent: not there, and no guest of ours misses it; or it could not be asked.
enum class State : u8 { fine, limited, broken, absent };

constexpr std::string_view name(State state) {
  constexpr std::string_view names[] = {"fine", "limited", "broken", "absent"};
  return names[static_cast<usize>(state)];
}

struct Finding {
  State state = State::fine;
  std::string seen;       // one sentence without a full stop: what is there, or what is not
  std::string why = {};   // the cause; what it costs
  std::string mend = {};  // what to do; may be empty
  std::string_view id = {};
  bool asked = true;  // false: it could not be, because KVM's device does not open
};

struct Check {
  std::string_view id;
  std::string_view about;  // a heading of a few words
  bool needs_kvm;          // left out where /dev/kvm does not open
  Finding (*look)(const Probe&);
};

// The checks of an architecture, the fundamental ones first.
std::vector<Check> checks(Arch arch);

// All of them on this host; ids are filled in.
std::vector<Finding> examine(const Probe& probe);
// One; a finding in state absent without an id where there is no such check.
Finding examine(const Probe& probe, std::string_view id);

bool guests_can_run(std::span<const Finding> findings);

}  // namespace pv::doctor
