// Reads again what `polyvisor diagnose --json` has written (render_json() in diagnosis/report.cpp).
//
// The text is hostile: nesting, members and lists are bounded, and no control character passes.
#pragma once

#include <string_view>

#include "inspect/dump.h"

namespace pv::inspect {

// `text` has at most max_dump bytes. Errors (image): no JSON (RFC 8259), or no such report.
Result<Dump> parse_json_dump(std::string_view text);

}  // namespace pv::inspect
