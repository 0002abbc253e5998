// polyvisor's entry point. Everything is in src/cli.
#include <malloc.h>

#include "cli/cli.h"

int main(int argc, char** argv) {
  // One heap for all threads: a vCPU allocates next to nothing, and a heap of its own would cost
  // it 128 MiB of address space and four system calls before its first exit.
  mallopt(M_ARENA_MAX, 1);
  return pv::cli::main(argc, argv);
}
