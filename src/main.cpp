// polyvisor's entry point. Everything is in src/cli.
#include <fcntl.h>
#include <malloc.h>

#include "cli/cli.h"

namespace {

// A closed standard descriptor would be the number of the next file that is opened: the guest's
// console would go into a disk. Each gets /dev/null instead.
void fill_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) return;
}

}  // namespace

int main(int argc, char** argv) {
  // One heap for all threads: a vCPU allocates next to nothing, and a heap of its own would cost
  // it 128 MiB of address space and four system calls before its first exit.
  mallopt(M_ARENA_MAX, 1);
  fill_standard_descriptors();
  return pv::cli::main(argc, argv);
}
