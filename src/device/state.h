// What every device's restore() does alike: check the version it begins with and say in one
// sentence what was wrong. The layout behind the version is each device's own.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/serialize.h"
#include "base/text.h"

namespace pv::device {

// Errors: a version other than `expected`.
inline Result<void> expect_version(StateReader& in, u8 expected, std::string_view device) {
  const u8 version = in.get8();
  if (in.bad() || version != expected)
    return fail(Error::Kind::image, text("saved state of {} has version {}, this monitor reads {}",
                                         device, version, expected));
  return {};
}

// For fields that are missing or hold what the device can never hold.
inline std::unexpected<Error> fail_state(std::string_view device) {
  return fail(Error::Kind::image, text("saved state of {} is truncated or inconsistent", device));
}

}  // namespace pv::device
