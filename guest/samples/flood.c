/* flood.c: writes `kb=N` KiB (default 64) to the UART as fast as it takes them: numbered lines of 64 bytes. */
#include "guest.h"

int main(void) {
  u64 lines = boot_arg_number("kb", 64) * 16;
  char text[64];
  for (u64 i = 0; i < lines; i++) {
    for (u32 k = 0; k < sizeof text; k++) text[k] = (char)('a' + (i + k) % 26);
    u64 n = i;
    for (int k = 7; k >= 0; k--, n /= 10) text[k] = (char)('0' + n % 10);
    text[8] = ' ';
    text[62] = '\r';
    text[63] = '\n';
    console_write(text, sizeof text);
  }
  print("flood: %lu bytes written\n", lines * 64);
  return 0;
}
