/* uart_16550.c: National Semiconductor PC16550D, data sheet section 8. Memory-mapped, or on x86 at COM1.
 *
 * The line status register is read once for 16 bytes (the FIFO's depth), not before each byte.
 */
#include "runtime.h"

#include "arch.h"   /* uart_in, uart_out: MMIO bytes or I/O ports */

enum { DATA = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5 };
enum { LSR_DR = 1 << 0, LSR_THRE = 1 << 5, FIFO = 16 };

static void init(void) {
  uart_out(IER, 0);
  uart_out(LCR, 3);      /* 8 bits, divisor latch closed */
  uart_out(FCR, 7);      /* FIFOs on and emptied, interrupt at one byte */
  uart_out(MCR, 0x0b);   /* DTR, RTS, OUT2: on a PC, OUT2 lets the interrupt through */
}

static void write(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (i % FIFO == 0)
      while (!(uart_in(LSR) & LSR_THRE)) {}
    uart_out(DATA, (u8)text[i]);
  }
}

static int read(void) { return uart_in(LSR) & LSR_DR ? uart_in(DATA) : -1; }
static void receive_irq(bool on) { uart_out(IER, on ? 1 : 0); }

const struct uart uart_16550 = {init, write, read, receive_irq};
