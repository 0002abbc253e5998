#include "inspect/diagnosis/samples.h"

#include <algorithm>

namespace pv::inspect {
namespace {

// Status bits come and go with exceptions, by no doing of the program: x86_64's resume flag, on
// Book3E whatever MSR remembers of the one that was returned from.
u64 steady(const hv::RegisterInfo& info, u64 value) {
  constexpr u64 resume_flag = 1 << 16;
  const std::string_view name = info.name;
  if (name == "msr") return 0;
  return name == "eflags" ? value & ~resume_flag : value;
}

// Registers without those that time changes by itself.
bool same_registers(const hv::RegisterFile& a, const hv::RegisterFile& b) {
  for (usize i = 0; i < a.table.size() && i < b.table.size(); ++i)
    if (a.table[i].group == hv::RegisterGroup::general && a.known[i] != 0 && b.known[i] != 0 &&
        steady(a.table[i], a.values[i].low) != steady(b.table[i], b.values[i].low))
      return false;
  return true;
}

}  // namespace

Window window(const Scene& scene) {
  Window seen;
  for (const CpuState& state : scene.states()) {
    seen.low = std::min(seen.low, state.pc);
    seen.high = std::max(seen.high, state.pc);
    seen.distinct.push_back(state.pc);
  }
  std::ranges::sort(seen.distinct);
  const auto rest = std::ranges::unique(seen.distinct);
  seen.distinct.erase(rest.begin(), rest.end());
  return seen;
}

usize in_user_mode(const Scene& scene) {
  return scene.samples_with([](const CpuState& state) { return state.user; });
}

bool no_progress(const Scene& scene) {
  usize repeated = 0;
  for (usize i = 0; i < scene.count(); ++i)
    for (usize j = i + 1; j < scene.count(); ++j) {
      if (scene.states()[i].pc != scene.states()[j].pc) continue;
      if (!same_registers(scene.files()[i], scene.files()[j])) return false;
      ++repeated;
    }
  return repeated != 0;
}

bool goes_in_circle(const Scene& scene) {
  return window(scene).distinct.size() <= few_places && no_progress(scene);
}

}  // namespace pv::inspect
