#include "block/engine.h"

#include "block/thread_engine.h"
#include "block/uring_engine.h"

namespace pv::block {

std::unique_ptr<Engine> create_engine(EngineKind kind, const RawImage& image,
                                      loop::EventLoop& loop, Log& log) {
  if (kind == EngineKind::uring) {
    if (Uring::possible()) return std::make_unique<UringEngine>(image, loop, log);
    log.warn("this host has no io_uring, or forbids it: disk I/O uses a thread");
  }
  return std::make_unique<ThreadEngine>(image, loop);
}

}  // namespace pv::block
