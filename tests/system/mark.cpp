// mark: writes the boot contract's mark 1 ("init") from the user space of an x86_64 Linux that has no
// /dev/port, as Debian's cloud kernel.
#include <sys/io.h>

#include <cstdio>

int main() {
  constexpr unsigned short port = 0x506;  // docs/boot-contract.md, "Marks"
  if (ioperm(port, 1, 1) != 0) {
    std::perror("ioperm");
    return 1;
  }
  outb(1, port);
  return 0;
}
