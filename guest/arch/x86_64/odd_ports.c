/* odd_ports.c: for the sample `scribble`: reads and writes random I/O ports with random widths, but for those that end or
 * reset the machine as they should, and COM1's data.
 */
#include "arch.h"

static bool left_out(u16 port) {
  return port == 0x64 || (port >= 0x502 && port <= 0x505) || port == 0x92 || port == 0xb2 || (port >= 0xf1 && port <= 0xf7) || (port >= 0xcf6 && port <= 0xcff) ||
         (port >= 0x3f5 && port <= 0x3ff) || (port >= 0x5fd && port <= 0x60f) || (port >= 0xaffd && port <= 0xb00f);
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
