#include "device/ns16550.h"

#include "device/state.h"

namespace pv::device {
namespace {

enum Register : u8 { RBR_THR_DLL, IER_DLM, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

constexpr u8 ier_rdi = 0x01, ier_thri = 0x02, ier_rlsi = 0x04, ier_msi = 0x08;
constexpr u8 iir_none = 0x01, iir_msi = 0x00, iir_thri = 0x02, iir_rdi = 0x04, iir_rlsi = 0x06,
             iir_timeout = 0x0c, iir_fifo = 0xc0;
constexpr u8 lsr_dr = 0x01, lsr_oe = 0x02, lsr_bi = 0x10, lsr_thre_temt = 0x60,
             lsr_fifo_error = 0x80;
constexpr u8 msr_cts = 0x10, msr_dsr = 0x20, msr_ri = 0x40, msr_dcd = 0x80;
constexpr u8 msr_teri = 0x04;  // set by the trailing edge of RI only
constexpr u8 polls_that_mean_listening = 2;
constexpr u8 state_version = 1;

}  // namespace

usize Ns16550::receive(Bytes bytes) {
  usize taken = 0;
  if (listening() && !loopback()) {
    while (taken < bytes.size() && fifo_.size() < depth()) fifo_.push({bytes[taken++], false});
  }
  if (taken < bytes.size()) refused_ = true;
  settle();
  return taken;
}

bool Ns16550::receive_break() {
  if (!listening() || loopback() || fifo_.size() >= depth()) return false;
  fifo_.push({0, true});
  settle();
  return true;
}

bool Ns16550::polled() const { return empty_polls_ >= polls_that_mean_listening; }

bool Ns16550::listening() const { return (ier_ & ier_rdi) != 0 || polled(); }

u32 Ns16550::trigger() const {
  constexpr u8 levels[] = {1, 4, 8, 14};
  return fifo_on() ? levels[fcr_ >> 6] : 1;
}

// The other end is always there and ready, or our own outputs in loopback.
u8 Ns16550::modem_lines() const {
  if (!loopback()) return msr_cts | msr_dsr | msr_dcd;
  u8 lines = 0;
  if (mcr_ & 0x01) lines |= msr_dsr;
  if (mcr_ & 0x02) lines |= msr_cts;
  if (mcr_ & 0x04) lines |= msr_ri;
  if (mcr_ & 0x08) lines |= msr_dcd;
  return lines;
}

// The highest-priority enabled cause, table 3 of the data sheet.
u8 Ns16550::interrupt_id() const {
  const bool line_status = overrun_ || (!fifo_.empty() && fifo_.front().is_break);
  if ((ier_ & ier_rlsi) && line_status) return iir_rlsi;
  if ((ier_ & ier_rdi) && !fifo_.empty()) return fifo_.size() >= trigger() ? iir_rdi : iir_timeout;
  if ((ier_ & ier_thri) && thre_pending_) return iir_thri;
  if ((ier_ & ier_msi) && msr_delta_) return iir_msi;
  return iir_none;
}

// After every change: drive the interrupt and tell the feeder about room.
void Ns16550::settle() {
  const bool level = interrupt_id() != iir_none;
  if (level != level_) {
    level_ = level;
    irq_.set(level);
  }
  if (refused_ && listening() && !loopback() && fifo_.size() <= depth() / 2) {
    refused_ = false;
    if (source_ != nullptr) source_->room();
  }
}

u8 Ns16550::take_character() { return fifo_.empty() ? 0 : fifo_.pop().byte; }

u8 Ns16550::read_iir() {
  const u8 id = interrupt_id();
  if (id == iir_thri) thre_pending_ = false;
  return id | (fifo_on() ? iir_fifo : 0);
}

u8 Ns16550::read_lsr() {
  u8 value = lsr_thre_temt;
  if (overrun_) value |= lsr_oe;
  overrun_ = false;
  if (fifo_.empty()) {
    if (empty_polls_ < polls_that_mean_listening) ++empty_polls_;
    return value;
  }
  value |= lsr_dr;
  if (fifo_on() && fifo_.any_break()) value |= lsr_fifo_error;
  if (fifo_.front().is_break) {
    value |= lsr_bi;
    fifo_.front().is_break = false;
  }
  return value;
}

u8 Ns16550::read_msr() {
  const u8 value = modem_lines() | msr_delta_;
  msr_delta_ = 0;
  return value;
}

u64 Ns16550::read(bus::Access access) {
  const u64 index = access.offset >> shift_;
  if (index >= register_count) return all_ones(access.width);
  if (index != LSR) empty_polls_ = 0;
  u8 value = 0;
  switch (static_cast<Register>(index)) {
    case RBR_THR_DLL: value = dlab() ? static_cast<u8>(divisor_) : take_character(); break;
    case IER_DLM: value = dlab() ? static_cast<u8>(divisor_ >> 8) : ier_; break;
    case IIR_FCR: value = read_iir(); break;
    case LCR: value = lcr_; break;
    case MCR: value = mcr_; break;
    case LSR: value = read_lsr(); break;
    case MSR: value = read_msr(); break;
    case SCR: value = scr_; break;
  }
  settle();
  return value;
}

void Ns16550::transmit(u8 character) {
  if (loopback()) {
    if (fifo_.size() < depth())
      fifo_.push({character, false});
    else
      overrun_ = true;
  } else {
    out_.write(Bytes(&character, 1));
  }
  thre_pending_ = true;  // written and empty again at once
}

// Enabling THRI while the transmitter is empty interrupts, which Linux tests for at start.
void Ns16550::write_ier(u8 value) {
  if ((value & ier_thri) && !(ier_ & ier_thri)) thre_pending_ = true;
  ier_ = value & 0x0f;
}

void Ns16550::write_fcr(u8 value) {
  const bool switched = ((value ^ fcr_) & 0x01) != 0;
  fcr_ = (value & 0x01) ? value & 0xc9 : 0;
  if (switched || (value & 0x02)) fifo_.clear();
}

void Ns16550::write_mcr(u8 value) {
  const u8 before = modem_lines();
  mcr_ = value & 0x1f;
  const u8 changed = before ^ modem_lines();
  msr_delta_ |= (changed >> 4) & static_cast<u8>(~msr_teri);
  if (before & changed & msr_ri) msr_delta_ |= msr_teri;
}

void Ns16550::write(bus::Access access, u64 value) {
  const u64 index = access.offset >> shift_;
  if (index >= register_count) return;
  empty_polls_ = 0;
  const u8 byte = static_cast<u8>(value);
  switch (static_cast<Register>(index)) {
    case RBR_THR_DLL:
      if (dlab())
        divisor_ = static_cast<u16>((divisor_ & 0xff00) | byte);
      else
        transmit(byte);
      break;
    case IER_DLM:
      if (dlab())
        divisor_ = static_cast<u16>((divisor_ & 0x00ff) | (byte << 8));
      else
        write_ier(byte);
      break;
    case IIR_FCR: write_fcr(byte); break;
    case LCR: lcr_ = byte; break;
    case MCR: write_mcr(byte); break;
    case LSR: break;  // the data sheet: for factory test only
    case MSR: break;
    case SCR: scr_ = byte; break;
  }
  settle();
}

void Ns16550::save(StateWriter& out) const {
  out.put8(state_version);
  out.put16(divisor_);
  for (u8 value : {ier_, fcr_, lcr_, mcr_, scr_, msr_delta_, empty_polls_}) out.put8(value);
  out.put_bool(overrun_);
  out.put_bool(thre_pending_);
  fifo_.save(out);
}

Result<void> Ns16550::restore(StateReader& in) {
  TRY(expect_version(in, state_version, "ns16550"));
  const u16 divisor = in.get16();
  u8 fields[7];
  for (u8& field : fields) field = in.get8();
  const bool overrun = in.get_bool();
  const bool thre_pending = in.get_bool();
  ReceiveFifo fifo;
  if (!fifo.restore(in, (fields[1] & 0x01) ? 16 : 1) || in.bad()) return fail_state("ns16550");
  divisor_ = divisor;
  ier_ = fields[0] & 0x0f;
  fcr_ = fields[1] & 0xc9;
  lcr_ = fields[2];
  mcr_ = fields[3] & 0x1f;
  scr_ = fields[4];
  msr_delta_ = fields[5] & 0x0f;
  empty_polls_ = fields[6];
  overrun_ = overrun;
  thre_pending_ = thre_pending;
  fifo_ = fifo;
  refused_ = true;  // whoever feeds the restored device is asked to try
  level_ = interrupt_id() != iir_none;
  irq_.set(level_);
  settle();
  return {};
}

}  // namespace pv::device
