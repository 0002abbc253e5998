#include "inspect/diagnosis/earlier_report.h"

#include <charconv>

#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr usize most_strings = 256;  // of one list
constexpr usize most_verdicts = 257;
constexpr std::string_view note = "that is what the report says";

// The characters of the string that begins at `text[0]`, a quotation mark, and how many were used;
// escapes are resolved as far as diagnose writes them, others become '?'.
std::string read_string(std::string_view& text) {
  std::string plain;
  usize at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    char c = text[at];
    if (c == '\\' && at + 1 < text.size()) {
      c = text[++at];
      if (c == 'u') at += 4;
      if (c != '"' && c != '\\' && c != '/') c = c == 'n' || c == 't' ? ' ' : '?';
    }
    plain += static_cast<u8>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  text.remove_prefix(std::min(at + 1, text.size()));
  return plain;
}

// Behind `"name":` from the begin of `json` on; npos: it is not there.
usize behind(std::string_view json, std::string_view name, usize from = 0) {
  const std::string key = text("\"{}\":", name);
  const usize at = json.find(key, from);
  return at == json.npos ? at : at + key.size();
}

std::string string_of(std::string_view json, std::string_view name) {
  const usize at = behind(json, name);
  if (at >= json.size() || json[at] != '"') return {};
  json.remove_prefix(at);
  return read_string(json);
}

std::vector<std::string> strings_of(std::string_view json, std::string_view name) {
  std::vector<std::string> list;
  const usize at = behind(json, name);
  if (at >= json.size() || json[at] != '[') return list;
  json.remove_prefix(at + 1);
  while (list.size() < most_strings && json.starts_with('"')) {
    list.push_back(read_string(json));
    if (json.starts_with(',')) json.remove_prefix(1);
  }
  return list;
}

std::optional<Cause> cause_of(std::string_view word) {
  for (u8 i = 0; i <= static_cast<u8>(Cause::unknown); ++i)
    if (name(static_cast<Cause>(i)) == word) return static_cast<Cause>(i);
  return std::nullopt;
}

// `json` begins in the verdict's object.
std::optional<Verdict> verdict_of(std::string_view json) {
  const auto cause = cause_of(string_of(json, "cause"));
  Verdict verdict{.cause = cause.value_or(Cause::unknown),
                  .sentence = string_of(json, "sentence"),
                  .evidence = strings_of(json, "evidence"),
                  .advice = strings_of(json, "advice")};
  if (!cause || verdict.sentence.empty()) return std::nullopt;
  return verdict;
}

}  // namespace

std::string dense_json(std::string_view text) {
  std::string dense;
  dense.reserve(text.size());
  bool quoted = false;
  for (usize i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
    dense += c;
    if (quoted && c == '\\' && i + 1 < text.size())
      dense += text[++i];
    else if (c == '"')
      quoted = !quoted;
  }
  return dense;
}

std::optional<EarlierReport> read_earlier(std::string_view json) {
  std::vector<Verdict> verdicts;
  for (usize at = behind(json, "verdict"); at != json.npos && verdicts.size() < most_verdicts;
       at = behind(json, "verdict", at)) {
    auto verdict = verdict_of(json.substr(at));
    if (!verdict) return std::nullopt;
    verdicts.push_back(*std::move(verdict));
  }
  if (verdicts.empty()) return std::nullopt;
  EarlierReport earlier;
  const usize samples = behind(json, "samples");
  if (samples != json.npos)
    std::from_chars(json.data() + samples, json.data() + json.size(), earlier.samples);
  earlier.verdict = verdicts.front();
  earlier.cpus.assign(verdicts.begin() + 1, verdicts.end());
  earlier.log = strings_of(json, "log");
  earlier.log_note = string_of(json, "log_note");
  return earlier;
}

void restore(const EarlierReport& earlier, Report& report) {
  // One sample: whoever reads it can judge it as well, and perhaps better, than who wrote it.
  if (earlier.samples < 2) return;
  const bool known = !earlier.verdict.evidence.empty() &&
                     earlier.verdict.evidence.back().starts_with(note);
  report.verdict = earlier.verdict;
  if (!known)
    report.verdict.evidence.push_back(
        text("{}, made from {} samples of the running guest; it holds the last of them", note,
             earlier.samples));
  for (usize i = 0; i < report.cpus.size() && i < earlier.cpus.size(); ++i)
    report.cpus[i].verdict = earlier.cpus[i];
  report.samples = static_cast<usize>(earlier.samples);
  report.log = earlier.log;
  report.log_note = earlier.log_note;
}

}  // namespace pv::inspect
