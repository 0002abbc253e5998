#include "control/protocol.h"

#include "base/text.h"

namespace pv::control {
namespace {

constexpr std::string_view version = "polyvisor/1";
constexpr std::string_view verb_names[] = {"stat", "pause", "resume", "stop"};

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

std::string request_line(Verb verb) { return text("{} {}\n", version, name(verb)); }

Result<Verb> parse_request(std::string_view line) {
  const auto [spoken, word] = split(line, ' ');
  if (spoken != version)
    return fail(Error::Kind::usage, "the request is not in a version that this VM speaks",
                text("this VM speaks {} ({})", version, PV_VERSION));
  for (usize i = 0; i < std::size(verb_names); ++i)
    if (verb_names[i] == word) return static_cast<Verb>(i);
  return fail(Error::Kind::usage, "unknown request", "stat, pause, resume and stop are known");
}

std::string error_reply(const Error& error) {
  std::string out = text("{} error\n", version);
  field(out, "message", error.message);
  if (!error.hint.empty()) field(out, "hint", error.hint);
  out += '\n';
  return out;
}

std::string ok_reply() { return text("{} ok\n\n", version); }

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
