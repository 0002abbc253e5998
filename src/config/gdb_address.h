// Where a VM waits for gdb: `tcp:PORT`, `tcp:HOST:PORT` (HOST a numeric address or localhost; an
// IPv6 address in brackets) or `unix:PATH`.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace pv::config {

struct GdbAddress {
  std::string path;                // of a Unix socket; empty: TCP
  std::string host = "127.0.0.1";  // numeric
  u16 port = 0;                    // 0: any that is free
  bool operator==(const GdbAddress&) const = default;
};

// Errors (usage) name what is wrong and the forms that are right.
Result<GdbAddress> parse_gdb_address(std::string_view text);

}  // namespace pv::config
