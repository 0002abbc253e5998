// One operation on a raw image, carried out by the calling thread: the loops, limits and buffers
// that both engines share.
#pragma once

#include <atomic>

#include "block/engine.h"
#include "block/image.h"

namespace pv::block {

// Does the whole operation and returns 0 or an errno value. A read beyond the end of a file that
// has shrunk is EIO. Direct I/O with buffers that the host cannot take goes through a buffer of
// ours. ECANCELED when `abandoned` becomes true before the end.
int perform(const RawImage& image, const Operation& operation, const std::atomic<bool>& abandoned);

// Whether direct I/O can use the operation's buffers as they are.
bool buffers_fit(const RawImage& image, const Operation& operation);

// A read that the host's page cache can answer without waiting.
enum class Cached : u8 { done, not_now, not_here };  // not_here: this file never can
Cached read_cached(const RawImage& image, const Operation& operation);

}  // namespace pv::block
