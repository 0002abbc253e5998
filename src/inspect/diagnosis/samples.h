// Questions about a scene's samples as a whole: where they were, and whether anything changed.
#pragma once

#include <vector>

#include "inspect/diagnosis/scene.h"

namespace pv::inspect {

struct Window {
  u64 low = ~u64{0}, high = 0;  // of the program counters
  std::vector<u64> distinct;    // in order
};
Window window(const Scene& scene);

// How many samples are in user mode.
usize in_user_mode(const Scene& scene);

// Some place was met more than once, and each of these always with the same general registers:
// nothing is counted or computed.
bool no_progress(const Scene& scene);

// No more places than a short loop has, and no progress.
constexpr usize few_places = 8;
bool goes_in_circle(const Scene& scene);

}  // namespace pv::inspect
