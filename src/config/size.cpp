#include "config/size.h"

#include "base/text.h"

namespace pv::config {
namespace {

constexpr std::string_view suffixes = "BKMGTP";
constexpr std::string_view size_form =
    "write a number of MiB, or a number with one of the suffixes B, K, M, G, T, P: 256, 256M, 1G";

// The leading digits of `text` as a number; `text` keeps the rest. False: it does not fit into u64.
bool take_digits(std::string_view& text, u64& value) {
  value = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    const u64 digit = static_cast<u64>(text[0] - '0');
    if (__builtin_mul_overflow(value, u64{10}, &value) ||
        __builtin_add_overflow(value, digit, &value))
      return false;
    text.remove_prefix(1);
  }
  return true;
}

bool is_digit(std::string_view text) { return !text.empty() && text[0] >= '0' && text[0] <= '9'; }

std::unexpected<Error> bad_size(std::string_view text, std::string_view why) {
  return fail(Error::Kind::usage, pv::text("\"{}\" {}", text, why), std::string(size_form));
}

}  // namespace

Result<u64> parse_size(std::string_view text) {
  std::string_view rest = text;
  u64 value = 0;
  if (!is_digit(text)) return bad_size(text, "is not a size");
  if (!take_digits(rest, value)) return bad_size(text, "does not fit into 64 bits");
  usize unit = 2;
  if (!rest.empty()) {
    const char upper = rest[0] >= 'a' && rest[0] <= 'z' ? static_cast<char>(rest[0] - 32) : rest[0];
    unit = suffixes.find(upper);
    if (unit == std::string_view::npos || rest.size() > 1) return bad_size(text, "is not a size");
  }
  const u64 bytes = value << (10 * unit);
  if (bytes >> (10 * unit) != value) return bad_size(text, "does not fit into 64 bits");
  return bytes;
}

std::string size_argument(u64 bytes) {
  usize unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < suffixes.size()) {
    bytes /= 1024;
    ++unit;
  }
  return text("{}{}", bytes, suffixes[unit]);
}

Result<u64> parse_number(std::string_view text) {
  std::string_view rest = text;
  u64 value = 0;
  if (!is_digit(text) || !take_digits(rest, value) || !rest.empty())
    return fail(Error::Kind::usage, pv::text("\"{}\" is not a number", text),
                "write a whole number in decimal digits");
  return value;
}

}  // namespace pv::config
