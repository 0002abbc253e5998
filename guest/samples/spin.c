/* spin.c: computes for ever without any exit to the hypervisor: a guest that hangs impolitely. */
#include "guest.h"

int main(void) {
  print("spin: spinning\n");
  for (volatile u64 i = 0;; i++) {}
}
