/* odd_ports.c: for the sample `scribble`: reads and writes random I/O ports with random widths, but for those that end or
 * reset the machine as they should, and COM1's data.
 */
#include "arch.h"

struct ports { u16 first, last; };

/* Each begins up to three ports early: a 32-bit access there would reach it. */
static bool left_out(u16 port) {
  static const struct ports end_the_run[] = {
    {0x61, 0x64},       /* keyboard controller: reset */
    {0x8f, 0x92},       /* system control port A: reset */
    {0xaf, 0xb3},       /* APM: system management mode */
    {0xf1, 0xf7},       /* test exit */
    {0x3f5, 0x3ff},     /* COM1 */
    {0x502, 0x505},     /* panic notification */
    {0x5fd, 0x60f},     /* ACPI: power off */
    {0xaffd, 0xb00f},   /* ACPI on QEMU's older PC */
    {0xcf6, 0xcff},     /* reset control */
  };
  for (u32 i = 0; i < sizeof end_the_run / sizeof *end_the_run; i++)
    if (port >= end_the_run[i].first && port <= end_the_run[i].last) return true;
  return false;
}

void scribble_ports(u64 count, u64 seed) {
  seed |= 1;
  for (u64 i = 0; i < count; i++) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    u16 port = (u16)(seed & 1 ? seed >> 8 : seed >> 8 & 0x7ff);
    u32 value = (u32)(seed >> 32);
    if (left_out(port)) continue;
    switch (seed >> 1 & 7) {
      case 0: case 1: (void)inb(port); break;
      case 2: outb(port, (u8)value); break;
      case 3: outw(port, (u16)value); break;
      case 4: outl(port, value); break;
      case 5: __asm__ volatile("inw %w1, %w0" : "=a"(value) : "d"(port)); break;
      default: __asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(port)); break;
    }
  }
}
