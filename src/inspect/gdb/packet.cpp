#include "inspect/gdb/packet.h"

#include "base/hex.h"

namespace pv::inspect::gdb {
namespace {

constexpr char interrupt_byte = 3;

}  // namespace

void PacketReader::feed(Bytes bytes, const std::function<void(Event, std::string_view)>& sink) {
  for (u8 byte : bytes) {
    char c = static_cast<char>(byte);
    switch (state_) {
      case State::idle:
        if (c == '+') sink(Event::ack, {});
        if (c == '-') sink(Event::nak, {});
        if (c == interrupt_byte) sink(Event::interrupt, {});
        if (c != '$') break;
        state_ = State::data;
        data_.clear();
        overflow_ = false;
        sum_ = 0;
        break;
      case State::data:
        if (c == '#') {
          state_ = State::first_digit;
          break;
        }
        sum_ = static_cast<u8>(sum_ + byte);
        if (data_.size() == max_packet)
          overflow_ = true;
        else
          data_ += c;
        break;
      case State::first_digit:
        expected_ = static_cast<u8>(hex_digit(c) << 4);
        state_ = hex_digit(c) < 0 ? State::idle : State::second_digit;
        if (state_ == State::idle) sink(Event::corrupt, {});
        break;
      case State::second_digit:
        state_ = State::idle;
        if (hex_digit(c) < 0 || (expected_ | hex_digit(c)) != sum_)
          sink(Event::corrupt, {});
        else if (overflow_)
          sink(Event::too_long, {});
        else
          sink(Event::packet, data_);
        break;
    }
  }
}

std::string frame(std::string_view data) {
  u8 sum = 0;
  for (char c : data) sum = static_cast<u8>(sum + static_cast<u8>(c));
  std::string framed;
  framed.reserve(data.size() + 4);
  framed += '$';
  framed += data;
  framed += '#';
  framed += to_hex({&sum, 1});
  return framed;
}

std::string escape(std::string_view data) {
  std::string out;
  out.reserve(data.size());
  for (char c : data) {
    bool special = c == '#' || c == '$' || c == '}' || c == '*';
    if (special) out += '}';
    out += special ? static_cast<char>(c ^ 0x20) : c;
  }
  return out;
}

std::vector<u8> unescape(std::string_view data) {
  std::vector<u8> out;
  out.reserve(data.size());
  for (usize i = 0; i < data.size(); ++i) {
    const bool escaped = data[i] == '}' && i + 1 < data.size();
    out.push_back(static_cast<u8>(escaped ? data[++i] ^ 0x20 : data[i]));
  }
  return out;
}

std::optional<u64> take_hex(std::string_view& text) {
  u64 value = 0;
  usize i = 0;
  for (; i < text.size() && hex_digit(text[i]) >= 0; ++i) {
    if ((value >> 60) != 0) return std::nullopt;
    value = value << 4 | static_cast<u64>(hex_digit(text[i]));
  }
  if (i == 0) return std::nullopt;
  text.remove_prefix(i);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace pv::inspect::gdb
