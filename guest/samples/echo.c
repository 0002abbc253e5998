/* echo.c: sends back what it receives, by the UART's interrupt, until a line `quit`. */
#include "guest.h"

enum { SIZE = 1024, LINE = 80 };

/* One writer (the interrupt handler), one reader (main): each changes its own index only. */
static volatile u8 ring[SIZE];
static volatile u32 head, tail;

static void received(void) {
  for (int c; (c = console_read()) >= 0;)
    if (head - tail < SIZE) ring[head % SIZE] = (u8)c, head++;
}

static int next_byte(void) {
  while (head == tail) wait_for_interrupt();
  return ring[tail++ % SIZE];
}

int main(void) {
  char line[LINE];
  u32 used = 0, total = 0;
  console_on_receive(received);
  print("echo: ready; a line `quit` ends\n");
  for (;;) {
    int c = next_byte();
    total++;
    if (c == '\r' || c == '\n') {
      line[used] = 0;
      used = 0;
      print("\n");
      if (strcmp(line, "quit") == 0) break;
    } else {
      char text = (char)c;
      console_write(&text, 1);
      if (used < LINE - 1) line[used++] = text;
    }
  }
  print("echo: %u bytes\n", total);
  return 0;
}
