// Pl011: ARM PrimeCell UART (PL011), revision r1p5, ARM DDI 0183G. 32 deep FIFOs, peripheral id
// 0x00341011. aarch64 virt's console at 0x09000000.
//
//   pl011@9000000 { compatible = "arm,pl011", "arm,primecell"; reg = <0 0x9000000 0 0x1000>;
//                   interrupts = <0 1 4>; clocks = <&apb &apb>; clock-names = "uartclk",
//                   "apb_pclk"; };
//   guest: console=ttyAMA0   earlycon=pl011,0x09000000
//
// Deliberately absent: time (a character leaves at once; the transmit FIFO is always empty, the
// receive time-out fires at once), DMA (DMACR is storage), IrDA, the test registers.
//
// POSTED WRITES of DR may arrive late, in order and in batches, if they are drained before every
// other access to this device, every 10 ms, before a pause and at the end. FR never says "full"
// and a drained write sets the transmit interrupt, so Linux's driver never waits for the 10 ms:
// polled output reads FR (which drains) before each character; its interrupt handler writes half
// a FIFO (posted) and reads RIS, which drains, sets TXRIS and makes it go round again.
//
// INPUT WAITS UNTIL THE GUEST LISTENS: drivers empty the FIFO when they start and lose what was
// typed or piped in earlier. So receive() takes nothing until a receive interrupt is enabled in
// IMSC or the guest has polled FR twice in a row and found nothing; the feeder is told by
// CharSource::room(). UARTEN, TXE and RXE do not gate: firmware and small programs that never
// set them are understood as on QEMU.
#pragma once

#include "device/receive_fifo.h"
#include "device/uart.h"
#include "hv/irq_line.h"

namespace pv::device {

class Pl011 final : public Uart {
 public:
  // One combined level interrupt (UARTINTR), high when MIS is not zero.
  Pl011(hv::IrqLine& irq, CharSink& out) : irq_(irq), out_(out) {}

  usize receive(Bytes bytes) override;
  bool receive_break() override;
  bool polled() const override;

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 size = 0x1000;
  // The offset whose writes may be posted (coalesced).
  static constexpr u64 posted_offset = 0;

 private:
  u32 depth() const { return (lcr_h_ & 0x10) ? ReceiveFifo::capacity : 1; }
  u32 receive_trigger() const;
  bool loopback() const { return (cr_ & 0x80) != 0; }
  bool listening() const;
  u32 read_data();
  u32 read_flags();
  void transmit(u8 character);
  void push(ReceiveFifo::Entry entry);
  void settle();

  hv::IrqLine& irq_;
  CharSink& out_;

  ReceiveFifo fifo_;
  u32 ris_ = 0, imsc_ = 0;
  u32 ibrd_ = 0, fbrd_ = 0, lcr_h_ = 0, cr_ = 0x300, ifls_ = 0x12, ilpr_ = 0, dmacr_ = 0;
  u32 rsr_ = 0;
  u8 empty_polls_ = 0;    // FR reads in a row that found no character
  bool refused_ = false;  // the feeder waits for room()
  bool level_ = false;
};

}  // namespace pv::device
