#include "device/goldfish_rtc.h"

#include <algorithm>

#include "device/state.h"

namespace pv::device {
namespace {

enum Register : u16 {
  TIME_LOW = 0x00,
  TIME_HIGH = 0x04,
  ALARM_LOW = 0x08,
  ALARM_HIGH = 0x0c,
  IRQ_ENABLED = 0x10,
  CLEAR_ALARM = 0x14,
  ALARM_STATUS = 0x18,
  CLEAR_INTERRUPT = 0x1c,
};
constexpr u64 low_half = 0xffff'ffff;
constexpr u8 state_version = 1;

}  // namespace

void GoldfishRtc::settle() {
  if (armed_) {
    const u64 time = now();
    if (alarm_ <= time) {
      armed_ = false;
      pending_ = true;
    } else if (timer_ != nullptr) {
      timer_->arm(std::min(alarm_ - time, AlarmTimer::max_ns));
    }
  }
  const bool level = pending_ && enabled_;
  if (level == level_) return;
  level_ = level;
  irq_.set(level);
}

u64 GoldfishRtc::read(bus::Access access) {
  switch (access.offset) {
    case TIME_LOW: {
      const u64 time = now();
      time_high_ = static_cast<u32>(time >> 32);
      return time & low_half;
    }
    case TIME_HIGH: return time_high_;
    case ALARM_LOW: return alarm_ & low_half;
    case ALARM_HIGH: return alarm_ >> 32;
    case IRQ_ENABLED: return enabled_ ? 1 : 0;
    case ALARM_STATUS: settle(); return armed_ ? 1 : 0;
    default: return 0;
  }
}

void GoldfishRtc::write(bus::Access access, u64 value64) {
  const u64 value = value64 & low_half;
  switch (access.offset) {
    case TIME_LOW: set_now((now() & ~low_half) | value); break;
    case TIME_HIGH: set_now((now() & low_half) | (value << 32)); break;
    case ALARM_LOW:
      alarm_ = (u64{alarm_high_} << 32) | value;
      armed_ = true;
      break;
    case ALARM_HIGH: alarm_high_ = static_cast<u32>(value); break;
    case IRQ_ENABLED: enabled_ = (value & 1) != 0; break;
    case CLEAR_ALARM:
      armed_ = false;
      if (timer_ != nullptr) timer_->cancel();
      break;
    case CLEAR_INTERRUPT: pending_ = false; break;
    default: return;
  }
  settle();
}

void GoldfishRtc::save(StateWriter& out) const {
  out.put8(state_version);
  out.put64(offset_);
  out.put64(alarm_);
  out.put32(time_high_);
  out.put32(alarm_high_);
  for (bool value : {armed_, enabled_, pending_}) out.put_bool(value);
}

Result<void> GoldfishRtc::restore(StateReader& in) {
  TRY(expect_version(in, state_version, "goldfish_rtc"));
  const u64 offset = in.get64(), alarm = in.get64();
  const u32 time_high = in.get32(), alarm_high = in.get32();
  const bool armed = in.get_bool(), enabled = in.get_bool(), pending = in.get_bool();
  if (in.bad()) return fail_state("goldfish_rtc");
  offset_ = offset;
  alarm_ = alarm;
  time_high_ = time_high;
  alarm_high_ = alarm_high;
  armed_ = armed;
  enabled_ = enabled;
  pending_ = pending;
  level_ = pending_ && enabled_;
  irq_.set(level_);
  settle();
  return {};
}

}  // namespace pv::device
