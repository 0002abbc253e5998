// Sizes as users write them: kvmtool's form. A bare number is MiB; one suffix of B, K, M, G, T or P
// (either case) says otherwise; units are powers of 1024. No fractions, signs or blanks.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace pv::config {

// "256" -> 256 MiB, "1G", "512k", "4096B". Errors (usage) quote the text and say what is expected;
// a size of 2^64 bytes or more does not fit.
Result<u64> parse_size(std::string_view text);

// The shortest text that parse_size() reads back as the same number: "256M", "1G", "1000B".
std::string size_argument(u64 bytes);

// A plain decimal number. Errors (usage) quote the text.
Result<u64> parse_number(std::string_view text);

}  // namespace pv::config
