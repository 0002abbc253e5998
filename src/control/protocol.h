// The control protocol: lines of text over a stream socket, in version 1.
//
//   request:  "polyvisor/1 stat\n"        stat, pause, resume, stop, facts
//             "polyvisor/1 registers 0\n"            of vCPU 0
//             "polyvisor/1 memory 2147483648 64\n"   guest-physical address and bytes, decimal
//             "polyvisor/1 search 2147483648 1048576 4c696e7578\n"   range and bytes to find
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

enum class Verb : u8 { stat, pause, resume, stop, facts, registers, memory, search };

struct Request {
  Verb verb;
  u64 first = 0;                 // registers: vCPU; memory, search: guest-physical address
  u64 second = 0;                // memory, search: bytes
  std::vector<u8> pattern = {};  // search
  // Not explicit: most requests are their verb.
  Request(Verb what, u64 a = 0, u64 b = 0) : verb(what), first(a), second(b) {}
};

inline constexpr usize max_request = 128;  // bytes of one line, with its end
inline constexpr usize max_reply = 64_KiB;

std::string_view name(Verb verb);
std::string request_line(const Request& request);

// `line` without its end. Errors (usage): another version, an unknown request, wrong arguments.
Result<Request> parse_request(std::string_view line);

std::string error_reply(const Error& error);
std::string ok_reply();
std::string ok_reply(const std::vector<std::pair<std::string, std::string>>& fields);
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
