// Ns16550: the PC's serial port, a 16550A (National Semiconductor PC16550D data sheet, June 1995).
// COM1 on x86_64 (ports 0x3f8-0x3ff), riscv64 virt's console (0x10000000), both with shift 0.
//
//   serial@10000000 { compatible = "ns16550a"; reg = <0 0x10000000 0 0x100>; interrupts = <10>;
//                     clock-frequency = <3686400>; };      guest: console=ttyS0
//
// Deliberately absent: time (a character leaves at once, so the transmitter is always empty and
// the character time-out fires at once), DMA signals, and OUT2 as interrupt gate (a PC's wiring
// around the chip, not the chip; riscv guests never set it).
//
// POSTED WRITES. Writes of the transmit register may be buffered by the hypervisor and arrive
// late, in order, and in batches, under one rule for whoever drives the device:
//   drain the buffer before every other access to this device, every 10 ms, before a pause and at
//   the end.
// Nothing then needs switching on and off, and Linux's driver (8250_port.c) never waits for the
// 10 ms:
//  - printk polls LSR, which says "empty" always; the LSR read is what drains.
//  - Interrupt-driven output: start_tx sets IER.THRI, which interrupts; the handler reads IIR, LSR,
//    MSR and writes up to 16 characters (posted, no exits). serial8250_interrupt then asks again
//    until IIR says "none": that read drains first, the drained characters make THRE pending
//    again, IIR says so, and the next 16 go out. 3 exits for 16 characters. When nothing is left
//    the driver clears IER.THRI.
//  - The loop gives up after 512 rounds with characters still posted: their drain, at most 10 ms
//    later, raises the interrupt again. Nothing is lost.
//  - Loopback in autoconfig reads back what it wrote: the read drains first. With LCR.DLAB the
//    same offset is the divisor latch: in-order draining keeps that right.
// ns16550_test.cpp plays these sequences with a queue of posted writes.
//
// INPUT WAITS UNTIL THE GUEST LISTENS. Drivers empty the FIFO when they start and lose what was
// typed or piped in earlier. So receive() takes nothing until IER.RDI is set or the guest has
// polled LSR twice in a row and found nothing; the feeder is told by CharSource::room().
#pragma once

#include "device/receive_fifo.h"
#include "device/uart.h"
#include "hv/irq_line.h"

namespace pv::device {

class Ns16550 final : public Uart {
 public:
  // Registers lie 1 << register_shift bytes apart. The interrupt is level, high when pending.
  Ns16550(hv::IrqLine& irq, CharSink& out, unsigned register_shift = 0)
      : irq_(irq), out_(out), shift_(register_shift) {}

  usize receive(Bytes bytes) override;
  bool receive_break() override;
  bool polled() const override;

  u64 read(bus::Access access) override;
  void write(bus::Access access, u64 value) override;
  void save(StateWriter& out) const override;
  Result<void> restore(StateReader& in) override;

  static constexpr u64 register_count = 8;
  // The offset whose writes may be posted (coalesced), one byte wide.
  static constexpr u64 posted_offset = 0;

 private:
  bool dlab() const { return (lcr_ & 0x80) != 0; }
  bool loopback() const { return (mcr_ & 0x10) != 0; }
  bool fifo_on() const { return (fcr_ & 0x01) != 0; }
  bool listening() const;
  u32 depth() const { return fifo_on() ? 16 : 1; }
  u32 trigger() const;
  u8 modem_lines() const;
  u8 interrupt_id() const;
  u8 take_character();
  u8 read_iir();
  u8 read_lsr();
  u8 read_msr();
  void transmit(u8 character);
  void write_ier(u8 value);
  void write_fcr(u8 value);
  void write_mcr(u8 value);
  void settle();

  hv::IrqLine& irq_;
  CharSink& out_;
  unsigned shift_;

  ReceiveFifo fifo_;
  u16 divisor_ = 12;  // 9600 baud from 1.8432 MHz, where firmware leaves it
  u8 ier_ = 0, fcr_ = 0, lcr_ = 0, mcr_ = 0, scr_ = 0;
  u8 msr_delta_ = 0;
  u8 empty_polls_ = 0;    // LSR reads in a row that found no character
  bool overrun_ = false;  // LSR.OE
  bool thre_pending_ = false;
  bool refused_ = false;  // the feeder waits for room()
  bool level_ = false;
};

}  // namespace pv::device
