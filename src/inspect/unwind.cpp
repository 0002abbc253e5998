#include "inspect/unwind.h"

#include <array>

#include "base/endian.h"
#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr usize deepest = 32;
constexpr usize short_chain = 3;        // that many frames are no chain worth the name
constexpr usize stack_searched = 2048;  // bytes from the stack pointer up
constexpr usize most_found = 24;
constexpr u64 msr_computation_mode = 0x8000'0000;  // powerpc: 64 bits

struct Frame {
  u64 previous = 0, address = 0;
};

bool is_32_bit(const Scene& scene) {
  return scene.arch() == Arch::powerpc &&
         (scene.file().get_or("msr", 0) & msr_computation_mode) == 0;
}

std::optional<u64> word_at(const Scene& scene, u64 at) {
  std::array<u8, 8> bytes;
  if (is_32_bit(scene)) {
    if (!scene.read(at, std::span(bytes).first(4))) return std::nullopt;
    return load_as<Be32>(bytes, 0);
  }
  if (!scene.read(at, bytes)) return std::nullopt;
  return big_endian(scene.arch()) ? u64{load_as<Be64>(bytes, 0)} : u64{load_as<Le64>(bytes, 0)};
}

std::optional<Frame> frame_at(const Scene& scene, u64 at) {
  std::optional<u64> previous, address;
  if (scene.architecture().back_chain) {
    previous = word_at(scene, at);
    if (previous) address = word_at(scene, *previous + (is_32_bit(scene) ? 4 : 16));
  } else {
    if (scene.architecture().frame_below) at -= 16;
    previous = word_at(scene, at);
    address = word_at(scene, at + 8);
  }
  if (!previous || !address) return std::nullopt;
  return Frame{*previous, *address};
}

// Whether a call instruction ends at `address`; only x86_64 is asked, where any word may be code.
bool follows_call(const Scene& scene, u64 address) {
  std::array<u8, 7> code;
  if (!scene.read(address - code.size(), code)) return false;
  if (code[2] == 0xe8) return true;  // CALL rel32
  // CALL r/m64 (FF /2) of 2, 3, 6 and 7 bytes.
  const auto calls = [&](usize at) { return code[at] == 0xff && ((code[at + 1] >> 3) & 7) == 2; };
  return calls(5) || calls(4) || calls(1) || calls(0);
}

void search_stack(const Scene& scene, CallChain& chain) {
  if (scene.names() == nullptr || scene.state().user) return;
  const u64 step = is_32_bit(scene) ? 4 : 8;
  const u64 begin = align_down(scene.state().sp, step);
  for (u64 at = begin; at < begin + stack_searched && chain.on_stack.size() < most_found;
       at += step) {
    const auto word = word_at(scene, at);
    if (!word) return;
    const std::string name = scene.names()->describe(*word);
    if (name.empty() || name.find('+') == name.npos) continue;
    if (scene.arch() == Arch::x86_64 && !follows_call(scene, *word)) continue;
    chain.on_stack.push_back(text("{} ({:#x})", name, *word));
  }
}

// Frames of one place in a row, as endless recursion leaves them, as one line.
void collapse(std::vector<std::string>& frames) {
  std::vector<std::string> kept;
  for (usize at = 0; at < frames.size();) {
    usize end = at;
    while (end < frames.size() && frames[end] == frames[at]) ++end;
    kept.push_back(end - at < 3 ? frames[at] : text("{}, {} times", frames[at], end - at));
    at += end - at < 3 ? 1 : end - at;
  }
  frames = std::move(kept);
}

}  // namespace

CallChain unwind(const Scene& scene) {
  CallChain chain;
  chain.frames = {scene.place(scene.state().pc)};
  const u64 link = scene.state().link;
  const std::string returns = link != 0 ? scene.return_place(link) : std::string();
  if (link != 0) chain.frames.push_back(returns + ", the return address register");
  u64 at = scene.state().frame;
  const u64 alignment = scene.architecture().back_chain ? 4 : 8;
  usize frames = 0;
  for (usize depth = 0; depth < deepest; ++depth) {
    if (at == 0 || at % alignment != 0) break;
    const auto frame = frame_at(scene, at);
    if (!frame || frame->address == 0) break;
    const std::string place = scene.return_place(frame->address);
    if (depth != 0 || place != returns) chain.frames.push_back(place);
    ++frames;
    if (frame->previous <= at) break;  // stacks grow downwards
    at = frame->previous;
  }
  collapse(chain.frames);
  if (frames < short_chain) search_stack(scene, chain);
  return chain;
}

}  // namespace pv::inspect
