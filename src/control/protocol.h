// The control protocol: lines of text over a stream socket, in version 1.
//
//   request:  "polyvisor/1 stat\n"        stat, pause, resume or stop
//   reply:    "polyvisor/1 ok\n"          then "key value\n" for each field, then "\n"
//             "polyvisor/1 error\n"       then "message ...\n", perhaps "hint ...\n", then "\n"
//
// A connection carries any number of requests, each answered before the next is read. The server
// closes it after a request that it cannot understand. Keys have no blanks; values no line ends.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/target.h"

namespace pv::control {

enum class Verb : u8 { stat, pause, resume, stop };

inline constexpr usize max_request = 128;  // bytes of one line, with its end
inline constexpr usize max_reply = 64_KiB;

std::string_view name(Verb verb);
std::string request_line(Verb verb);

// `line` without its end. Errors (usage): another version, an unknown request.
Result<Verb> parse_request(std::string_view line);

std::string error_reply(const Error& error);
std::string ok_reply();
std::string stat_reply(const Stats& stats, i64 pid);

struct Reply {
  std::vector<std::pair<std::string, std::string>> fields;
  // The value of a field, or nullopt.
  std::optional<std::string_view> find(std::string_view key) const;
};
// A whole reply with its final empty line. Errors: what the server reported, or (host) that the
// text is no reply.
Result<Reply> parse_reply(std::string_view text);
// True when `text` ends a reply: nothing more will come for this request.
bool is_complete(std::string_view text);

}  // namespace pv::control
