// Hexadecimal digits: numbers, and bytes as two digits each, which is how protocols that are text
// carry them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace pv {

// What a digit of either case stands for; -1: it is none.
int hex_digit(char c);

// Lower case.
std::string to_hex(Bytes bytes);
// Either case. Errors (nothing): an odd number of digits, or something else than digits.
std::optional<std::vector<u8>> from_hex(std::string_view digits);

// A whole number, with or without "0x" before its digits. Errors (nothing): something else, or it
// has more than 64 bits.
std::optional<u64> hex_number(std::string_view word);

}  // namespace pv
