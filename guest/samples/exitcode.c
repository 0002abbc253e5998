/* exitcode.c: ends with the status given as `code=N` (default 42). */
#include "guest.h"

int main(void) {
  int code = (int)boot_arg_number("code", 42);
  print("exitcode: %d\n", code);
  return code;
}
