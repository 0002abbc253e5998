#include "block/engine.h"

#include "block/thread_engine.h"
#include "block/uring_engine.h"

namespace pv::block {

std::unique_ptr<Engine> create_engine(EngineKind kind, const RawImage& image, loop::EventLoop& loop,
                                      Log& log) {
  if (kind == EngineKind::uring || (kind == EngineKind::automatic && image.direct())) {
    auto engine = UringEngine::create(image, loop);
    if (engine) return *std::move(engine);
    log.warn("disk I/O uses a thread instead of io_uring: {}", engine.error().message);
  }
  return std::make_unique<ThreadEngine>(image, loop);
}

}  // namespace pv::block
