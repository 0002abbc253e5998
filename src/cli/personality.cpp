#include "cli/personality.h"

#include <algorithm>

#include "machine/machine.h"

namespace pv::cli {

Personality personality_of(std::string_view program) {
  const std::string_view name = program.substr(program.rfind('/') + 1);
  if (name == "lkvm" || name.starts_with("lkvm-")) return Personality::lkvm;
  if (name == "crosvm" || name.starts_with("crosvm-")) return Personality::crosvm;
  return Personality::polyvisor;
}

std::string_view default_board(Personality personality, Arch arch) {
  if (personality == Personality::polyvisor) return {};
  const std::string_view own = personality == Personality::lkvm ? "kvmtool" : "crosvm";
  const auto boards = machine::boards(arch);
  const auto found = std::ranges::find(boards, own);
  return found != boards.end() ? *found : std::string_view();
}

}  // namespace pv::cli
