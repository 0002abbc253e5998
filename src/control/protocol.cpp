#include "control/protocol.h"

#include <charconv>

#include "base/hex.h"
#include "base/text.h"

namespace pv::control {
namespace {

constexpr std::string_view version = "polyvisor/1";
constexpr std::string_view verb_names[] = {"stat",  "pause",     "resume", "stop",
                                           "facts", "registers", "memory", "search"};
constexpr usize argument_counts[] = {0, 0, 0, 0, 0, 1, 2, 3};

void field(std::string& out, std::string_view key, std::string_view value) {
  out += key;
  out += ' ';
  for (const char c : value) out += c == '\n' || c == '\r' ? ' ' : c;
  out += '\n';
}

// Splits `text` at the first `at`; the rest is empty when there is none.
std::pair<std::string_view, std::string_view> split(std::string_view text, char at) {
  const usize place = text.find(at);
  if (place == std::string_view::npos) return {text, {}};
  return {text.substr(0, place), text.substr(place + 1)};
}

std::unexpected<Error> no_reply() {
  return fail(Error::Kind::host, "the VM's control socket sent something that is no reply",
              "is it another version of polyvisor?");
}

}  // namespace

std::string_view name(Verb verb) { return verb_names[static_cast<usize>(verb)]; }

std::string request_line(const Request& request) {
  std::string line = text("{} {}", version, name(request.verb));
  const usize arguments = argument_counts[static_cast<usize>(request.verb)];
  if (arguments > 0) line += text(" {}", request.first);
  if (arguments > 1) line += text(" {}", request.second);
  if (arguments > 2) line += " " + to_hex(request.pattern);
  return line + "\n";
}

namespace {

// A decimal number without a sign or leading zeros, as text() writes it.
bool parse_number(std::string_view word, u64& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() &&
         (word.size() == 1 || word[0] != '0');
}

bool parse_arguments(std::string_view words, Request& request) {
  const usize wanted = argument_counts[static_cast<usize>(request.verb)];
  if (wanted == 0) return words.empty();
  const auto [first, second] = split(words, ' ');
  if (!parse_number(first, request.first) || first.size() > words.size()) return false;
  if (wanted == 1) return first.size() == words.size();
  const auto [length, pattern] = split(second, ' ');
  if (wanted == 2 && length.size() != second.size()) return false;
  if (!parse_number(length, request.second)) return false;
  if (wanted == 2) return true;
  auto bytes = from_hex(pattern);
  if (!bytes || bytes->empty() || bytes->size() > max_pattern) return false;
  if (to_hex(*bytes) != pattern) return false;  // as request_line() writes it, and in no other way
  request.pattern = *std::move(bytes);
  return request.first + request.second >= request.first;
}

}  // namespace

Result<Request> parse_request(std::string_view line) {
  const auto [spoken, words] = split(line, ' ');
  if (spoken != version)
    return fail(Error::Kind::usage, "the request is not in a version that this VM speaks",
                text("this VM speaks {} ({})", version, PV_VERSION));
  const auto [word, arguments] = split(words, ' ');
  for (usize i = 0; i < std::size(verb_names); ++i) {
    if (verb_names[i] != word) continue;
    Request request(static_cast<Verb>(i));
    if (word.size() + (arguments.empty() ? 0 : 1 + arguments.size()) == words.size() &&
        parse_arguments(arguments, request))
      return request;
    return fail(
        Error::Kind::usage, text("wrong arguments of the request \"{}\"", word),
        "registers CPU; memory ADDRESS BYTES; search ADDRESS BYTES PATTERN; the others have none");
  }
  return fail(Error::Kind::usage, "unknown request",
              "stat, pause, resume, stop, facts, registers, memory and search are known");
}

std::string error_reply(const Error& error) {
  std::string out = text("{} error\n", version);
  field(out, "message", error.message);
  if (!error.hint.empty()) field(out, "hint", error.hint);
  out += '\n';
  return out;
}

std::string ok_reply() { return text("{} ok\n\n", version); }

std::string ok_reply(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out = text("{} ok\n", version);
  for (const auto& [key, value] : fields) field(out, key, value);
  out += '\n';
  return out;
}

std::string stat_reply(const Stats& stats, i64 pid) {
  std::string out = text("{} ok\n", version);
  field(out, "state", stats.paused ? "paused" : "running");
  field(out, "pid", text("{}", pid));
  field(out, "cpus", text("{}", stats.cpus));
  field(out, "memory", text("{}", stats.memory));
  field(out, "uptime_ms", text("{}", stats.uptime_ms));
  for (const auto& [key, value] : stats.counters) field(out, key, text("{}", value));
  out += '\n';
  return out;
}

std::optional<std::string_view> Reply::find(std::string_view key) const {
  for (const auto& [name, value] : fields)
    if (name == key) return value;
  return std::nullopt;
}

bool is_complete(std::string_view text) { return text.ends_with("\n\n"); }

Result<Reply> parse_reply(std::string_view text) {
  if (!is_complete(text)) return no_reply();
  auto [head, rest] = split(text, '\n');
  const auto [spoken, outcome] = split(head, ' ');
  if (spoken != version || (outcome != "ok" && outcome != "error")) return no_reply();
  Reply reply;
  while (!rest.starts_with('\n')) {
    const auto [line, after] = split(rest, '\n');
    const auto [key, value] = split(line, ' ');
    if (after.empty() || key.empty()) return no_reply();
    reply.fields.emplace_back(key, value);
    rest = after;
  }
  if (rest.size() != 1) return no_reply();
  if (outcome == "ok") return reply;
  return fail(Error::Kind::host, std::string(reply.find("message").value_or("refused")),
              std::string(reply.find("hint").value_or("")));
}

}  // namespace pv::control
