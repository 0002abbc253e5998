#include "doctor/probe.h"

#include <cctype>
#include <cstring>

#include "base/text.h"

namespace pv::doctor {
namespace {

// The name in the third field of "name:x:number:..." (group(5), passwd(5)).
std::string name_by_number(const std::optional<std::string>& table, u32 number) {
  const std::string wanted = text("{}", number);
  if (!table) return wanted;
  std::string_view rest = *table;
  while (!rest.empty()) {
    const usize end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const usize first = line.find(':');
    if (first == line.npos) continue;
    const usize second = line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string_view tail = line.substr(second + 1);
    if (tail.substr(0, tail.find(':')) == wanted) return std::string(line.substr(0, first));
  }
  return wanted;
}

bool separates(char c) { return c == ' ' || c == ',' || c == '\t' || c == '\n' || c == '_'; }

}  // namespace

std::string log_line(const Probe& probe, std::string_view words) {
  const auto& log = probe.kernel_log();
  if (!log) return {};
  for (const std::string& line : *log)
    if (line.find(words) != line.npos) return line;
  return {};
}

bool has_word(std::string_view text, std::string_view word) {
  for (usize at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || separates(text[at - 1]);
    const usize end = at + word.size();
    if (begins && (end == text.size() || separates(text[end]))) return true;
  }
  return false;
}

std::string field(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const usize end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const usize colon = line.find(':');
    if (colon == line.npos) continue;
    std::string_view name = line.substr(0, colon);
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
    if (name != key) continue;
    line.remove_prefix(colon + 1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    return std::string(line);
  }
  return {};
}

std::optional<std::string> boot_parameter(const Probe& probe, std::string_view key) {
  const auto line = probe.read("/proc/cmdline");
  if (!line) return std::nullopt;
  std::string_view rest = *line;
  std::optional<std::string> value;  // the last one counts
  while (!rest.empty()) {
    const usize end = std::min(rest.find_first_of(" \n"), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=')
      value = std::string(word.substr(key.size() + 1));
  }
  return value;
}

std::string group_name(const Probe& probe, u32 gid) {
  return name_by_number(probe.read("/etc/group"), gid);
}

std::string user_name(const Probe& probe, u32 uid) {
  return uid == 0 ? "root" : name_by_number(probe.read("/etc/passwd"), uid);
}

std::string errno_text(int error) { return ::strerror(error); }

}  // namespace pv::doctor
