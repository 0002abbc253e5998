// The bare-metal guests inside this binary, for `polyvisor selftest`; written by the build
// (cmake/pv_embed_guests.cmake). Empty where the build had no compiler for them.
#pragma once

#include <span>
#include <string_view>

#include "base/types.h"

namespace pv::cli {

struct EmbeddedGuest {
  std::string_view name;  // of guest/samples/
  Bytes gzip;             // an ELF file, packed
};

std::span<const EmbeddedGuest> embedded_guests();

}  // namespace pv::cli
