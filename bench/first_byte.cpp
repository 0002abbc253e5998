// first_byte PROGRAM WORDS...: runs PROGRAM with its standard output on a pipe and prints how many
// nanoseconds passed from before the fork (a vfork: it copies nothing) to the first byte on that
// pipe, then ends PROGRAM. Status 1 when no byte ever came.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <ctime>

namespace {

long long now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<long long>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

int main(int count, char** words) {
  int output[2];
  if (count < 2 || pipe2(output, O_CLOEXEC) != 0) return 2;
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  const long long start = now();
  const pid_t child = vfork();
  if (child == 0) {
    dup2(nothing, 0);
    dup2(output[1], 1);
    execv(words[1], words + 1);
    _exit(127);
  }
  close(output[1]);
  char byte;
  const bool came = read(output[0], &byte, 1) == 1;
  const long long end = now();
  kill(child, SIGTERM);
  char rest[256];
  while (read(output[0], rest, sizeof rest) > 0) {
  }
  waitpid(child, nullptr, 0);
  if (!came) return 1;
  std::printf("%lld\n", end - start);
  return 0;
}
