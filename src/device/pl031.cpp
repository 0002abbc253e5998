#include "device/pl031.h"

#include "device/state.h"

namespace pv::device {
namespace {

enum Register : u16 {
  RTCDR = 0x000,
  RTCMR = 0x004,
  RTCLR = 0x008,
  RTCCR = 0x00c,
  RTCIMSC = 0x010,
  RTCRIS = 0x014,
  RTCMIS = 0x018,
  RTCICR = 0x01c,
  PeriphID0 = 0xfe0,
};
// Part 0x031, designer ARM; then PCellID0-3.
constexpr u8 identification[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
constexpr u64 ns_per_s = 1'000'000'000;
constexpr u8 state_version = 1;

}  // namespace

u32 Pl031::now() const { return static_cast<u32>(clock_.wall_ns() / ns_per_s) + offset_; }

// Sets the raw interrupt when the match has come, else sees to being called when it does.
void Pl031::settle() {
  if (armed_) {
    const u64 wall = clock_.wall_ns();
    const u32 ahead = match_ - (static_cast<u32>(wall / ns_per_s) + offset_);
    if (ahead == 0 || ahead > 0x8000'0000) {  // reached, or passed since we last looked
      armed_ = false;
      raw_ = true;
    } else if (timer_ != nullptr) {
      timer_->arm(ahead * ns_per_s - wall % ns_per_s);
    }
  }
  const bool level = raw_ && mask_;
  if (level == level_) return;
  level_ = level;
  irq_.set(level);
}

u64 Pl031::read(bus::Access access) {
  if (armed_ && (access.offset == RTCRIS || access.offset == RTCMIS)) settle();
  switch (access.offset) {
    case RTCDR: return now();
    case RTCMR: return match_;
    case RTCLR: return load_;
    case RTCCR: return 1;
    case RTCIMSC: return mask_ ? 1 : 0;
    case RTCRIS: return raw_ ? 1 : 0;
    case RTCMIS: return raw_ && mask_ ? 1 : 0;
    default: break;
  }
  if (access.offset >= PeriphID0 && access.offset < size && access.offset % 4 == 0)
    return identification[(access.offset - PeriphID0) / 4];
  return 0;
}

void Pl031::write(bus::Access access, u64 value64) {
  const u32 value = static_cast<u32>(value64);
  switch (access.offset) {
    case RTCMR:
      match_ = value;
      // A match in the past will come again in 136 years: it is not armed.
      armed_ = match_ - now() <= 0x8000'0000;
      if (!armed_ && timer_ != nullptr) timer_->cancel();
      break;
    case RTCLR:
      load_ = value;
      offset_ += value - now();
      break;
    case RTCIMSC: mask_ = (value & 1) != 0; break;
    case RTCICR:
      if (value & 1) raw_ = false;
      break;
    default: return;
  }
  settle();
}

void Pl031::save(StateWriter& out) const {
  out.put8(state_version);
  for (u32 value : {offset_, match_, load_}) out.put32(value);
  for (bool value : {armed_, mask_, raw_}) out.put_bool(value);
}

Result<void> Pl031::restore(StateReader& in) {
  TRY(expect_version(in, state_version, "pl031"));
  const u32 offset = in.get32(), match = in.get32(), load = in.get32();
  const bool armed = in.get_bool(), mask = in.get_bool(), raw = in.get_bool();
  if (in.bad()) return fail_state("pl031");
  offset_ = offset;
  match_ = match;
  load_ = load;
  armed_ = armed;
  mask_ = mask;
  raw_ = raw;
  level_ = raw_ && mask_;
  irq_.set(level_);
  settle();
  return {};
}

}  // namespace pv::device
