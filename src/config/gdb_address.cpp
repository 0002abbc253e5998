#include "config/gdb_address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include "base/text.h"
#include "config/size.h"

namespace pv::config {
namespace {

std::unexpected<Error> bad(std::string message) {
  return fail(Error::Kind::usage, std::move(message),
              "write tcp:PORT, tcp:HOST:PORT with a numeric address, or unix:PATH");
}

bool numeric(const std::string& host) {
  in6_addr address;
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

Result<GdbAddress> parse_gdb_address(std::string_view text) {
  GdbAddress address;
  if (text.starts_with("unix:")) {
    address.path = text.substr(5);
    if (address.path.empty()) return bad("gdb: the socket's path is empty");
    constexpr usize longest = sizeof(sockaddr_un::sun_path) - 1;
    if (address.path.size() > longest)
      return fail(Error::Kind::usage,
                  pv::text("gdb: the socket's path has {} bytes, more than the {} that a socket's "
                           "address holds",
                           address.path.size(), longest),
                  "choose a shorter path, perhaps relative to the current folder");
    if (address.path.find('\0') != std::string::npos) return bad("gdb: a zero byte in the path");
    return address;
  }
  if (!text.starts_with("tcp:")) return bad(pv::text("gdb: \"{}\" is no address", text));
  std::string_view rest = text.substr(4);
  if (usize colon = rest.rfind(':'); colon != rest.npos) {
    std::string_view host = rest.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (!host.empty() && host != "localhost") address.host = host;
    if (!numeric(address.host))
      return bad(pv::text("gdb: \"{}\" is no numeric address", address.host));
    rest.remove_prefix(colon + 1);
  }
  auto port = parse_number(rest);
  if (!port || *port > UINT16_MAX)
    return bad(pv::text("gdb: \"{}\" is no port between 0 and {}", rest, UINT16_MAX));
  address.port = static_cast<u16>(*port);
  return address;
}

}  // namespace pv::config
