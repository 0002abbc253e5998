#include "device/pl011.h"

#include "device/state.h"

namespace pv::device {
namespace {

enum Register : u16 {
  DR = 0x000,
  RSR_ECR = 0x004,
  FR = 0x018,
  ILPR = 0x020,
  IBRD = 0x024,
  FBRD = 0x028,
  LCR_H = 0x02c,
  CR = 0x030,
  IFLS = 0x034,
  IMSC = 0x038,
  RIS = 0x03c,
  MIS = 0x040,
  ICR = 0x044,
  DMACR = 0x048,
  PeriphID0 = 0xfe0,
};
// PeriphID0-3 and PCellID0-3, section 3.3.15 on: part 0x011, designer ARM, revision 3 (r1p5).
constexpr u8 identification[] = {0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

constexpr u32 int_rx = 1u << 4, int_tx = 1u << 5, int_rt = 1u << 6, int_be = 1u << 9,
              int_oe = 1u << 10, int_all = 0x7ff;
constexpr u32 fr_cts = 1u << 0, fr_dsr = 1u << 1, fr_dcd = 1u << 2, fr_rxfe = 1u << 4,
              fr_rxff = 1u << 6, fr_txfe = 1u << 7;
constexpr u32 dr_be = 1u << 10, rsr_be = 1u << 2, rsr_oe = 1u << 3;
constexpr u8 polls_that_mean_listening = 2;
constexpr u8 state_version = 1;

}  // namespace

usize Pl011::receive(Bytes bytes) {
  usize taken = 0;
  if (listening() && !loopback())
    while (taken < bytes.size() && fifo_.size() < depth()) push({bytes[taken++], false});
  if (taken < bytes.size()) refused_ = true;
  settle();
  return taken;
}

bool Pl011::receive_break() {
  if (!listening() || loopback() || fifo_.size() >= depth()) return false;
  push({0, true});
  settle();
  return true;
}

bool Pl011::polled() const { return empty_polls_ >= polls_that_mean_listening; }

bool Pl011::listening() const { return (imsc_ & (int_rx | int_rt)) != 0 || polled(); }

// Table 3-13 (UARTIFLS): the fraction of the FIFO at which the receive interrupt is set.
u32 Pl011::receive_trigger() const {
  if (depth() == 1) return 1;
  switch ((ifls_ >> 3) & 7) {
    case 0: return 4;
    case 1: return 8;
    case 2: return 16;
    case 3: return 24;
    default: return 28;
  }
}

void Pl011::push(ReceiveFifo::Entry entry) {
  fifo_.push(entry);
  if (entry.is_break) ris_ |= int_be;
  ris_ |= fifo_.size() >= receive_trigger() ? int_rx : int_rt;
}

// After every change: drive the interrupt and tell the feeder about room.
void Pl011::settle() {
  const bool level = (ris_ & imsc_) != 0;
  if (level != level_) {
    level_ = level;
    irq_.set(level);
  }
  if (refused_ && listening() && !loopback() && fifo_.size() <= depth() / 2) {
    refused_ = false;
    if (source_ != nullptr) source_->room();
  }
}

u32 Pl011::read_data() {
  if (fifo_.empty()) return 0;
  const ReceiveFifo::Entry entry = fifo_.pop();
  rsr_ = (rsr_ & rsr_oe) | (entry.is_break ? rsr_be : 0);
  if (fifo_.size() < receive_trigger()) {
    // What is left must still be announced: the time-out of the characters below the trigger.
    if ((ris_ & int_rx) && !fifo_.empty()) ris_ |= int_rt;
    ris_ &= ~int_rx;
  }
  if (fifo_.empty()) ris_ &= ~int_rt;
  return entry.byte | (entry.is_break ? dr_be : 0);
}

u32 Pl011::read_flags() {
  u32 value = fr_txfe | fr_cts | fr_dsr | fr_dcd;
  if (fifo_.empty()) {
    value |= fr_rxfe;
    if (empty_polls_ < polls_that_mean_listening) ++empty_polls_;
  }
  if (fifo_.size() >= depth()) value |= fr_rxff;
  return value;
}

u64 Pl011::read(bus::Access access) {
  const u64 offset = access.offset & ~u64{3};
  if (offset != FR) empty_polls_ = 0;
  u32 value = 0;
  switch (offset) {
    case DR: value = read_data(); break;
    case RSR_ECR: value = rsr_; break;
    case FR: value = read_flags(); break;
    case ILPR: value = ilpr_; break;
    case IBRD: value = ibrd_; break;
    case FBRD: value = fbrd_; break;
    case LCR_H: value = lcr_h_; break;
    case CR: value = cr_; break;
    case IFLS: value = ifls_; break;
    case IMSC: value = imsc_; break;
    case RIS: value = ris_; break;
    case MIS: value = ris_ & imsc_; break;
    case DMACR: value = dmacr_; break;
    default:
      if (offset >= PeriphID0 && offset < size) value = identification[(offset - PeriphID0) / 4];
  }
  settle();
  return value >> (8 * (access.offset & 3));
}

void Pl011::transmit(u8 character) {
  if (!loopback()) {
    out_.write(Bytes(&character, 1));
  } else if (fifo_.size() < depth()) {
    push({character, false});
  } else {
    rsr_ |= rsr_oe;
    ris_ |= int_oe;
  }
  ris_ |= int_tx;  // filled and empty again at once: the level was passed
}

void Pl011::write(bus::Access access, u64 value64) {
  empty_polls_ = 0;
  const u32 value = static_cast<u32>(value64);
  switch (access.offset) {
    case DR: transmit(static_cast<u8>(value)); break;
    case RSR_ECR: rsr_ = 0; break;
    case ILPR: ilpr_ = value & 0xff; break;
    case IBRD: ibrd_ = value & 0xffff; break;
    case FBRD: fbrd_ = value & 0x3f; break;
    case LCR_H:
      if ((lcr_h_ ^ value) & 0x10) {
        fifo_.clear();
        ris_ &= ~(int_rx | int_rt);
      }
      lcr_h_ = value & 0xff;
      break;
    case CR: cr_ = value & 0xff87; break;
    case IFLS: ifls_ = value & 0x3f; break;
    case IMSC: imsc_ = value & int_all; break;
    case ICR: ris_ &= ~value; break;
    case DMACR: dmacr_ = value & 7; break;
    default: break;  // read-only, reserved or not aligned
  }
  settle();
}

void Pl011::save(StateWriter& out) const {
  out.put8(state_version);
  for (u32 value : {ris_, imsc_, ibrd_, fbrd_, lcr_h_, cr_, ifls_, ilpr_, dmacr_, rsr_})
    out.put32(value);
  out.put8(empty_polls_);
  fifo_.save(out);
}

Result<void> Pl011::restore(StateReader& in) {
  TRY(expect_version(in, state_version, "pl011"));
  u32 fields[10];
  for (u32& field : fields) field = in.get32();
  const u8 empty_polls = in.get8();
  ReceiveFifo fifo;
  if (!fifo.restore(in, (fields[4] & 0x10) ? ReceiveFifo::capacity : 1) || in.bad())
    return fail_state("pl011");
  ris_ = fields[0] & int_all;
  imsc_ = fields[1] & int_all;
  ibrd_ = fields[2] & 0xffff;
  fbrd_ = fields[3] & 0x3f;
  lcr_h_ = fields[4] & 0xff;
  cr_ = fields[5] & 0xff87;
  ifls_ = fields[6] & 0x3f;
  ilpr_ = fields[7] & 0xff;
  dmacr_ = fields[8] & 7;
  rsr_ = fields[9] & 0xf;
  empty_polls_ = empty_polls;
  fifo_ = fifo;
  refused_ = true;  // whoever feeds the restored device is asked to try
  level_ = (ris_ & imsc_) != 0;
  irq_.set(level_);
  settle();
  return {};
}

}  // namespace pv::device
