#include "device/acpi_pm.h"

#include "device/state.h"

namespace pv::device {
namespace {

constexpr u16 pwrbtn = 1u << 8;
constexpr u16 enable_mask = 0x0721;  // TMR, GBL, PWRBTN, SLPBTN, RTC: table 4.12
constexpr u16 sci_en = 1u << 0, slp_en = 1u << 13;
constexpr u16 control_mask = 0x1c07;  // SLP_TYP, GBL_RLS, BM_RLD, SCI_EN
constexpr u64 timer_hz = 3'579'545;
constexpr u64 ns_per_s = 1'000'000'000;
constexpr u8 state_version = 1;

}  // namespace

u32 AcpiPm::ticks() const {
  const u64 ns = clock_.monotonic_ns();
  return static_cast<u32>(ns / ns_per_s * timer_hz + ns % ns_per_s * timer_hz / ns_per_s);
}

bool AcpiPm::press_power_button() {
  status_ |= pwrbtn;
  settle();
  return (enable_ & pwrbtn) != 0;
}

void AcpiPm::settle() {
  const bool level = (status_ & enable_) != 0;
  if (level == level_) return;
  level_ = level;
  sci_.set(level);
}

// Registers may be read in bytes, halves and words: the block is three 32-bit words.
u64 AcpiPm::read(bus::Access access) {
  u32 word = 0;
  switch (access.offset / 4) {
    case 0: word = status_ | (u32{enable_} << 16); break;
    case 1: word = control_; break;
    case 2: word = timer(); break;
    default: break;
  }
  return word >> (8 * (access.offset % 4));
}

void AcpiPm::write_control(u32 value) {
  control_ = static_cast<u16>((value & control_mask) | sci_en);
  const u32 type = (value >> 10) & 7;
  if ((value & slp_en) && (type == 0 || type == 5)) power_.power_off();
}

void AcpiPm::write(bus::Access access, u64 value64) {
  const u32 shift = 8 * static_cast<u32>(access.offset % 4);
  const u32 mask = static_cast<u32>(bus::all_ones(access.width) << shift);
  const u32 value = static_cast<u32>(value64 << shift) & mask;
  switch (access.offset / 4) {
    case 0:
      status_ &= static_cast<u16>(~value);  // write one to clear
      enable_ = static_cast<u16>(((enable_ & ~(mask >> 16)) | (value >> 16)) & enable_mask);
      break;
    case 1: write_control((control_ & ~mask) | value); break;
    default: break;
  }
  settle();
}

void AcpiPm::save(StateWriter& out) const {
  out.put8(state_version);
  out.put16(status_);
  out.put16(enable_);
  out.put16(control_);
  out.put32(timer());
}

// The timer goes on from where it was saved.
Result<void> AcpiPm::restore(StateReader& in) {
  TRY(expect_version(in, state_version, "acpi_pm"));
  const u16 status = in.get16(), enable = in.get16(), control = in.get16();
  const u32 value = in.get32();
  if (in.bad()) return fail_state("acpi_pm");
  status_ = status;
  enable_ = enable & enable_mask;
  control_ = (control & control_mask) | sci_en;
  start_ = ticks() - value;
  level_ = (status_ & enable_) != 0;
  sci_.set(level_);
  return {};
}

}  // namespace pv::device
