// handover: for tests of `--socket`. Opens a listening Unix socket (seqpacket, as Android's
// virtualizationservice does) at a descriptor, then runs a command; or asks one a question.
//
//   handover FD PATH COMMAND...        handover ask PATH REQUEST
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

sockaddr_un address_of(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return address;
}

int ask(const char* path, const char* request) {
  const sockaddr_un address = address_of(path);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect");
    return 1;
  }
  char line[4096];
  const int size = std::snprintf(line, sizeof line, "%s\n", request);
  if (send(fd, line, static_cast<size_t>(size), 0) != size) return 1;
  const ssize_t got = recv(fd, line, sizeof line, 0);
  if (got <= 0) return 1;
  return fwrite(line, 1, static_cast<size_t>(got), stdout) == static_cast<size_t>(got) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "ask") == 0) return ask(argv[2], argv[3]);
  if (argc < 4) return 2;
  const sockaddr_un address = address_of(argv[2]);
  unlink(argv[2]);
  const int wanted = std::atoi(argv[1]);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, 4) != 0 || (fd != wanted && dup2(fd, wanted) < 0)) {
    std::perror("handover");
    return 2;
  }
  if (fd != wanted) close(fd);
  execvp(argv[3], argv + 3);
  std::perror(argv[3]);
  return 2;
}
