/* idle.c: sleeps for ever with interrupts masked: a guest that hangs politely. */
#include "guest.h"

int main(void) {
  print("idle: asleep\n");
  halt_forever();
}
