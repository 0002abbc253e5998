#include "cli/serial_output.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace pv::cli {

std::string timestamp(u64 wall_ns) {
  using namespace std::chrono;
  const u64 ms = wall_ns / 1'000'000;
  const u64 seconds = ms / 1000;
  const sys_days day{days{static_cast<i64>(seconds / 86400)}};
  const year_month_day date{day};
  const u64 rest = seconds % 86400;
  return text("[{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z] ", int{date.year()},
              unsigned{date.month()}, unsigned{date.day()}, rest / 3600, rest / 60 % 60, rest % 60,
              ms % 1000);
}

void TimestampSink::write(Bytes bytes) {
  buffer_.clear();
  while (!bytes.empty()) {
    if (at_line_start_) buffer_ += timestamp(clock_.wall_ns());
    const auto newline = std::find(bytes.begin(), bytes.end(), u8{'\n'});
    at_line_start_ = newline != bytes.end();
    const usize size = static_cast<usize>(newline - bytes.begin()) + (at_line_start_ ? 1 : 0);
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), size);
    bytes = bytes.subspan(size);
  }
  out_.write(bytes_of(buffer_));
}

void SyslogSink::write(Bytes bytes) {
  for (u8 byte : bytes) {
    if (byte == '\n') {
      end_line();
    } else if (byte != '\r' && line_.size() < longest) {
      // Control characters would be the receiver's to escape.
      line_ += byte < 0x20 ? ' ' : static_cast<char>(byte);
    }
  }
}

void SyslogSink::end_line() {
  if (line_.empty()) return;
  const std::string message = text("<14>{}: {}", tag_, line_);
  line_.clear();
  out_.write(bytes_of(message));
}

}  // namespace pv::cli
