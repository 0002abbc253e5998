// Joins a Unix socket to standard input and output: `relay PATH`. A lab host's gdb session goes
// through it, also where the host's kernel has no TCP. Ends when the socket's other side does.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace {

// Moves what there is. False: the source has ended, or nobody takes it.
bool move(int from, int to) {
  char block[4096];
  ssize_t got = ::read(from, block, sizeof block);
  for (ssize_t done = 0; done < got;) {
    ssize_t put = ::write(to, block + done, static_cast<size_t>(got - done));
    if (put <= 0) return false;
    done += put;
  }
  return got > 0;
}

}  // namespace

int main(int count, char** words) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (count != 2 || std::strlen(words[1]) >= sizeof address.sun_path) return 2;
  std::strcpy(address.sun_path, words[1]);
  int line = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(line, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    std::perror(words[1]);
    return 1;
  }
  pollfd ends[] = {{0, POLLIN, 0}, {line, POLLIN, 0}};
  for (;;) {
    if (::poll(ends, 2, -1) < 0) return 1;
    if (ends[1].revents != 0 && !move(line, 1)) return 0;
    if (ends[0].revents != 0 && !move(0, line)) {
      ::shutdown(line, SHUT_WR);
      ends[0].fd = -1;
    }
  }
}
