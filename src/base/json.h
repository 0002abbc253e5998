// JSON texts as trees of values: nlohmann-json without exceptions, for the few files that read
// JSON. Nothing may reach one of the library's throwing paths, which end the process: parse with
// allow_exceptions = false, and read a member only after its type is known. json_writer.h writes.
#pragma once

#define JSON_NOEXCEPTION 1
#include <nlohmann/json.hpp>

namespace pv {

using Json = nlohmann::ordered_json;

}  // namespace pv
