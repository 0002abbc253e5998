#include "device/cmos.h"

#include <algorithm>

#include "device/state.h"

namespace pv::device {
namespace {

constexpr u8 reg_second = 0x00, reg_minute = 0x02, reg_hour = 0x04, reg_weekday = 0x06,
             reg_day = 0x07, reg_month = 0x08, reg_year = 0x09, reg_a = 0x0a, reg_b = 0x0b,
             reg_c = 0x0c, reg_d = 0x0d, reg_century = 0x32;
constexpr u8 a_uip = 0x80, a_divider_32khz_1024hz = 0x26;
constexpr u8 b_24h = 0x02, b_binary = 0x04, b_set = 0x80;
constexpr u8 d_valid = 0x80;
constexpr u8 hour_pm = 0x80;
constexpr u64 ns_per_s = 1'000'000'000, update_ns = 244'000;
constexpr u8 state_version = 1;

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar: years begin in March, so
// that the leap day is the last of its year.
i64 days_from_date(i64 year, i64 month, i64 day) {
  const i64 y = month <= 2 ? year - 1 : year;
  const i64 m = month <= 2 ? month + 9 : month - 3;
  return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719'468;
}

}  // namespace

Cmos::Cmos(Clock& clock, u64 ram_below_4g, u64 ram_above_4g) : clock_(clock) {
  auto put16 = [this](u8 at, u64 value) {
    const u64 kept = std::min<u64>(value, 0xffff);
    memory_[at] = static_cast<u8>(kept);
    memory_[at + 1u] = static_cast<u8>(kept >> 8);
  };
  const u64 above_1m = ram_below_4g > 1_MiB ? ram_below_4g - 1_MiB : 0;
  const u64 above_16m = ram_below_4g > 16_MiB ? ram_below_4g - 16_MiB : 0;
  put16(0x15, 640);
  put16(0x17, above_1m / 1_KiB);
  put16(0x30, above_1m / 1_KiB);
  put16(0x34, above_16m / 64_KiB);
  const u64 high = std::min<u64>(ram_above_4g / 64_KiB, 0xff'ffff);
  put16(0x5b, high & 0xffff);
  memory_[0x5d] = static_cast<u8>(high >> 16);
  memory_[reg_b] = b_24h;
}

Cmos::Date Cmos::from_seconds(i64 seconds) {
  constexpr i64 day_s = 86'400;
  i64 days = seconds / day_s, rest = seconds % day_s;
  if (rest < 0) {
    rest += day_s;
    --days;
  }
  const i64 weekday = ((days + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  const i64 z = days + 719'468;                  // since 0000-03-01
  const i64 era = (z >= 0 ? z : z - 146'096) / 146'097;
  const i64 in_era = z - era * 146'097;
  const i64 year_of_era = (in_era - in_era / 1'460 + in_era / 36'524 - in_era / 146'096) / 365;
  const i64 in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const i64 m = (5 * in_year + 2) / 153;
  const i64 month = m < 10 ? m + 3 : m - 9;
  const i64 year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return {static_cast<u32>(rest % 60),
          static_cast<u32>(rest / 60 % 60),
          static_cast<u32>(rest / 3'600),
          static_cast<u32>(weekday + 1),
          static_cast<u32>(in_year - (153 * m + 2) / 5 + 1),
          static_cast<u32>(month),
          static_cast<u32>(std::clamp<i64>(year, 0, 9'999))};
}

i64 Cmos::to_seconds(const Date& date) {
  const i64 month = std::clamp<i64>(date.month, 1, 12);
  const i64 days = days_from_date(date.year, month, date.day);
  return ((days * 24 + date.hour) * 60 + date.minute) * 60 + date.second;
}

bool Cmos::is_time(u8 index) {
  return index == reg_second || index == reg_minute || index == reg_hour ||
         (index >= reg_weekday && index <= reg_year) || index == reg_century;
}

i64 Cmos::guest_seconds() const { return static_cast<i64>(clock_.wall_ns() / ns_per_s) + offset_; }

u8 Cmos::encode(u32 value) const {
  if (memory_[reg_b] & b_binary) return static_cast<u8>(value);
  return static_cast<u8>((value / 10 << 4) | value % 10);
}

u32 Cmos::decode(u8 value) const {
  if (memory_[reg_b] & b_binary) return value;
  return (value >> 4) * 10u + (value & 0x0f);
}

void Cmos::store_date(const Date& date) {
  memory_[reg_second] = encode(date.second);
  memory_[reg_minute] = encode(date.minute);
  if (memory_[reg_b] & b_24h) {
    memory_[reg_hour] = encode(date.hour);
  } else {
    const u32 hour = date.hour % 12 == 0 ? 12 : date.hour % 12;
    memory_[reg_hour] = encode(hour) | (date.hour >= 12 ? hour_pm : 0);
  }
  memory_[reg_weekday] = encode(date.weekday);
  memory_[reg_day] = encode(date.day);
  memory_[reg_month] = encode(date.month);
  memory_[reg_year] = encode(date.year % 100);
  memory_[reg_century] = encode(date.year / 100);
}

Cmos::Date Cmos::load_date() const {
  u32 hour = 0;
  if (memory_[reg_b] & b_24h) {
    hour = decode(memory_[reg_hour]);
  } else {
    hour = decode(memory_[reg_hour] & 0x7f) % 12;
    if (memory_[reg_hour] & hour_pm) hour += 12;
  }
  return {decode(memory_[reg_second]),
          decode(memory_[reg_minute]),
          hour,
          0,
          decode(memory_[reg_day]),
          decode(memory_[reg_month]),
          decode(memory_[reg_century]) * 100 + decode(memory_[reg_year])};
}

u8 Cmos::read_register(u8 index) {
  const bool set = (memory_[reg_b] & b_set) != 0;
  if (is_time(index) && !set) store_date(from_seconds(guest_seconds()));
  switch (index) {
    case reg_a: {
      const bool updating = !set && clock_.wall_ns() % ns_per_s >= ns_per_s - update_ns;
      return a_divider_32khz_1024hz | (updating ? a_uip : 0);
    }
    case reg_c: return 0;
    case reg_d: return d_valid;
    default: return memory_[index];
  }
}

// While SET holds, the time registers are plain memory; they become the time when it is cleared.
void Cmos::write_status_b(u8 value) {
  const bool was_set = (memory_[reg_b] & b_set) != 0;
  if (!was_set) store_date(from_seconds(guest_seconds()));
  if (was_set && !(value & b_set)) set_clock();
  memory_[reg_b] = value;
}

void Cmos::write_register(u8 index, u8 value) {
  switch (index) {
    case reg_a:
    case reg_c:
    case reg_d: return;
    case reg_b: write_status_b(value); return;
    default: break;
  }
  if (!is_time(index)) {
    memory_[index] = value;
    return;
  }
  const bool set = (memory_[reg_b] & b_set) != 0;
  if (!set) store_date(from_seconds(guest_seconds()));
  memory_[index] = value;
  if (!set) set_clock();
}

u64 Cmos::read(bus::Access access) {
  if (access.offset == 0 || access.width != bus::Width::byte) return bus::all_ones(access.width);
  return read_register(index_);
}

void Cmos::write(bus::Access access, u64 value) {
  if (access.offset == 0)
    index_ = value & 0x7f;  // bit 7 masks NMIs, of which there are none
  else
    write_register(index_, static_cast<u8>(value));
}

void Cmos::save(StateWriter& out) const {
  out.put8(state_version);
  out.put64(static_cast<u64>(offset_));
  out.put8(index_);
  out.put_bytes(memory_);
}

Result<void> Cmos::restore(StateReader& in) {
  TRY(expect_version(in, state_version, "cmos"));
  const u64 offset = in.get64();
  const u8 index = in.get8();
  const std::vector<u8> memory = in.get_bytes(memory_.size());
  if (in.bad() || memory.size() != memory_.size()) return fail_state("cmos");
  // A clock can be set to the years 0 to 16665; anything beyond was not written by us.
  constexpr i64 limit = i64{1} << 40;
  const i64 value = static_cast<i64>(offset);
  if (value > limit || value < -limit) return fail_state("cmos");
  offset_ = value;
  index_ = index & 0x7f;
  std::copy(memory.begin(), memory.end(), memory_.begin());
  return {};
}

}  // namespace pv::device
