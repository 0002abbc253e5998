/* uart_pl011.c: ARM PrimeCell UART (PL011), ARM DDI 0183, chapter 3 "Programmers model".
 *
 * Under a monitor every register access can be an exit, microseconds each. So the flag register is
 * read once for 16 bytes, when the transmit FIFO is empty, not before each byte.
 */
#include "runtime.h"

enum { DR = 0x00, FR = 0x18, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38, ICR = 0x44 };
enum { FR_RXFE = 1 << 4, FR_TXFE = 1 << 7, FIFO = 16 };

/* The monitor's (or firmware's) baud rate is kept: it means nothing on a virtual machine. */
static void init(void) {
  mmio_write32(uart_base + IMSC, 0);
  mmio_write32(uart_base + LCR_H, 3 << 5 | 1 << 4);          /* 8 bits, FIFOs on */
  mmio_write32(uart_base + CR, 1 << 0 | 1 << 8 | 1 << 9);    /* UART, transmitter, receiver on */
}

static void write(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (i % FIFO == 0)
      while (!(mmio_read32(uart_base + FR) & FR_TXFE)) {}
    mmio_write32(uart_base + DR, (u8)text[i]);
  }
}

static int read(void) {
  if (mmio_read32(uart_base + FR) & FR_RXFE) return -1;
  return (u8)mmio_read32(uart_base + DR);
}

static void receive_irq(bool on) {
  mmio_write32(uart_base + IFLS, 0);                             /* interrupt at 1/8 full ... */
  mmio_write32(uart_base + ICR, 0x7ff);
  mmio_write32(uart_base + IMSC, on ? 1 << 4 | 1 << 6 : 0);      /* ... or when input pauses (time-out) */
}

const struct uart uart_pl011 = {init, write, read, receive_irq};
