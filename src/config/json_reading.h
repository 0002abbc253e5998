// What the readers of JSON configurations share: our own form's (json.cpp) and AVF's (avf.cpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/text.h"
#include "base/types.h"

namespace pv::config {

inline std::unexpected<Error> bad(std::string message, std::string hint = {}) {
  return fail(Error::Kind::usage, std::move(message), std::move(hint));
}

// "a text", "a number": for messages.
std::string_view what_is(const Json& value);
// "FIELD: expected EXPECTED, found ...".
std::unexpected<Error> wrong(const std::string& field, std::string_view expected,
                             const Json& value);

// One overload for each type of field; `field` is the path for messages.
Result<void> read(const std::string& field, const Json& value, std::string& into);
Result<void> read(const std::string& field, const Json& value, bool& into);
Result<void> read(const std::string& field, const Json& value, u32& into);
Result<void> read(const std::string& field, const Json& value, std::vector<u32>& into);

}  // namespace pv::config
