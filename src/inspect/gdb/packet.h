// The framing of gdb's remote serial protocol: `$data#checksum`, '+' and '-', the interrupt byte.
//
// Specification: Debugging with GDB (13), appendix E.1 and E.11. The client is not trusted: a
// packet that is longer than max_packet is swallowed. Absent: run-length encoding of what is sent,
// notifications, sequence numbers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace pv::inspect::gdb {

inline constexpr usize max_packet = 0x4000;  // of data between '$' and '#'

class PacketReader {
 public:
  enum class Event : u8 { packet, corrupt, too_long, interrupt, ack, nak };
  // Calls `sink` for each event in `bytes`; the text is the packet's data, as sent (with escapes).
  void feed(Bytes bytes, const std::function<void(Event, std::string_view)>& sink);

 private:
  enum class State : u8 { idle, data, first_digit, second_digit };
  State state_ = State::idle;
  std::string data_;
  bool overflow_ = false;
  u8 sum_ = 0;
  u8 expected_ = 0;
};

// `$data#checksum`; `data` has been escaped where the packet's kind wants that.
std::string frame(std::string_view data);

// Binary data: '#', '$', '}' and '*' with '}' before them.
std::string escape(std::string_view data);
std::vector<u8> unescape(std::string_view data);

// Takes a hexadecimal number off the front of `text`. Nothing: there is none, or it has more than
// 64 bits; `text` is then unchanged.
std::optional<u64> take_hex(std::string_view& text);
// Takes `c` off the front, if it stands there.
bool take(std::string_view& text, char c);
bool take(std::string_view& text, std::string_view word);

}  // namespace pv::inspect::gdb
