/* print.c: formatted output. A line is gathered on the stack and given to the UART in one piece, so that
 * lines of several CPUs do not mix and the UART's FIFO is filled in bursts (fewer exits to the monitor).
 */
#include <stdarg.h>

#include "runtime.h"

struct line { char text[256]; size_t used; };

static volatile int lock;

/* An exception while this CPU prints must still be able to print: after a while the lock is ignored. */
static bool acquire(void) {
  for (u32 i = 0; i < 10000000; i++)
    if (!__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) return true;
  return false;
}

static void flush(struct line *line) {
  console_write(line->text, line->used);
  line->used = 0;
}

static void put(struct line *line, char c) {
  if (line->used + 2 > sizeof line->text) flush(line);
  if (c == '\n') line->text[line->used++] = '\r';   /* terminals in raw mode need both */
  line->text[line->used++] = c;
}

static void put_text(struct line *line, const char *s, int width) {
  for (width -= (int)strlen(s); width > 0; width--) put(line, ' ');
  while (*s) put(line, *s++);
}

static void put_number(struct line *line, u64 value, u32 base, bool negative, int width, char fill) {
  char digits[24];
  int n = 0;
  do digits[n++] = "0123456789abcdef"[value % base];
  while (value /= base);
  if (negative) digits[n++] = '-';
  for (width -= n; width > 0; width--) put(line, fill);
  while (n) put(line, digits[--n]);
}

void print(const char *format, ...) {
  struct line line = {.used = 0};
  va_list args;
  va_start(args, format);
  bool locked = acquire();
  for (const char *f = format; *f; f++) {
    if (*f != '%') { put(&line, *f); continue; }
    bool is_long = false;
    char fill = ' ';
    int width = 0;
    if (*++f == '0') fill = '0', f++;
    while (*f >= '0' && *f <= '9') width = width * 10 + *f++ - '0';
    while (*f == 'l') is_long = true, f++;
    if (*f == 's') {
      put_text(&line, va_arg(args, const char *), width);
    } else if (*f == 'c') {
      put(&line, (char)va_arg(args, int));
    } else if (*f == 'd') {
      s64 v = is_long ? va_arg(args, s64) : va_arg(args, int);
      put_number(&line, v < 0 ? 0 - (u64)v : (u64)v, 10, v < 0, width, fill);
    } else if (*f == 'u' || *f == 'x') {
      u64 v = is_long ? va_arg(args, u64) : va_arg(args, u32);
      put_number(&line, v, *f == 'u' ? 10 : 16, false, width, fill);
    } else if (*f == 'p') {
      put_number(&line, (u64)va_arg(args, void *), 16, false, 16, '0');
    } else {
      put(&line, *f);
    }
  }
  flush(&line);
  if (locked) __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
  va_end(args);
}
