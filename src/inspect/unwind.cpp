#include "inspect/unwind.h"

#include <array>

#include "base/endian.h"
#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr usize deepest = 32;

struct Frame {
  u64 previous = 0, address = 0;
};

std::optional<Frame> frame_at(const Scene& scene, u64 at) {
  std::array<u8, 16> bytes;
  if (scene.architecture().back_chain) {
    // 64-bit frames have the return address at 16, 32-bit ones at 4.
    if (!scene.read(at, std::span(bytes).first(8))) return std::nullopt;
    const u64 previous = load_as<Be32>(bytes, 0);
    std::array<u8, 4> link;
    if (!scene.read(previous + 4, link)) return std::nullopt;
    return Frame{previous, load_as<Be32>(link, 0)};
  }
  if (scene.architecture().frame_below) at -= 16;
  if (!scene.read(at, bytes)) return std::nullopt;
  return Frame{load_as<Le64>(bytes, 0), load_as<Le64>(bytes, 8)};
}

}  // namespace

std::vector<std::string> unwind(const Scene& scene) {
  std::vector<std::string> chain = {scene.place(scene.state().pc)};
  const auto& architecture = scene.architecture();
  const u64 link = scene.state().link;
  const std::string returns = link != 0 ? scene.place(link) : std::string();
  if (link != 0) chain.push_back(returns + ", the return address register");
  u64 at = scene.state().frame;
  const u64 alignment = architecture.back_chain ? 4 : 8;
  for (usize depth = 0; depth < deepest; ++depth) {
    if (at == 0 || at % alignment != 0) break;
    const auto frame = frame_at(scene, at);
    if (!frame || frame->address == 0) break;
    const std::string place = scene.place(frame->address);
    if (depth != 0 || place != returns) chain.push_back(place);
    if (frame->previous <= at) break;  // stacks grow downwards
    at = frame->previous;
  }
  return chain;
}

}  // namespace pv::inspect
