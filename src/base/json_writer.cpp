#include "base/json_writer.h"

#include "base/text.h"

namespace pv {
namespace {

// Length of the UTF-8 sequence at `at` (Unicode 15, table 3-7), 0 where there is none.
usize sequence_at(std::string_view text, usize at) {
  const auto byte = [&](usize i) {
    return at + i < text.size() ? static_cast<u8>(text[at + i]) : u8{0};
  };
  const auto follows = [&](usize i, u8 low = 0x80, u8 high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const u8 lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const u8 low = lead == 0xe0 ? 0xa0 : 0x80, high = lead == 0xed ? 0x9f : 0xbf;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const u8 low = lead == 0xf0 ? 0x90 : 0x80, high = lead == 0xf4 ? 0x8f : 0xbf;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string json_string(std::string_view plain) {
  std::string out = "\"";
  for (usize at = 0; at < plain.size();) {
    const usize length = sequence_at(plain, at);
    const char c = plain[at];
    if (length == 0)
      out += "\xef\xbf\xbd";
    else if (length > 1)
      out += plain.substr(at, length);
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (static_cast<u8>(c) < 0x20 || c == 0x7f)
      out += pv::text("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
    at += length == 0 ? 1 : length;
  }
  return out += '"';
}

void JsonWriter::separate() {
  if (!first_ && !after_key_) text_ += ',';
  first_ = false;
  after_key_ = false;
}

void JsonWriter::begin(char bracket) {
  separate();
  text_ += bracket;
  open_.push_back(bracket == '{' ? '}' : ']');
  first_ = true;
}

void JsonWriter::end() {
  if (open_.empty()) return;
  text_ += open_.back();
  open_.pop_back();
  first_ = false;
}

void JsonWriter::key(std::string_view name) {
  separate();
  text_ += json_string(name);
  text_ += ':';
  after_key_ = true;
}

void JsonWriter::put(std::string_view raw) {
  separate();
  text_ += raw;
}

void JsonWriter::value(u64 number) { put(pv::text("{}", number)); }

}  // namespace pv
