// A VmConfig as JSON (RFC 8259): `--config FILE.json` and `--print-config`. The fields are those of
// VmConfig; docs/manual/vm-config.schema.json describes them for editors and other programs. The
// form of Android's Virtualization Framework is read too (avf.h).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/vm_config.h"

namespace pv::config {

// Longer texts are refused before they are parsed.
inline constexpr usize max_json = 1_MiB;

// Fields that are not named keep their defaults. Errors (usage) name the field and what is expected
// ("disks[1].path: expected a text"), or line and column where the text is no JSON. Values are not
// checked against each other: validate() does that.
Result<VmConfig> from_json(std::string_view text);

// The whole configuration, indented, with a final newline; from_json() gives the same VmConfig
// back.
std::string to_json(const VmConfig& config);

}  // namespace pv::config
