#include "inspect/dump_json.h"

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "base/json.h"
#include "base/text.h"
#include "inspect/dump_names.h"

namespace pv::inspect {
namespace {

constexpr int max_depth = 8;     // a report's verdicts have 4
constexpr usize max_keys = 512;  // of one object: they are compared with each other
constexpr usize max_strings = 256;
constexpr std::string_view hint = "give it the file as diagnose --json has written it";

// What lies too deep or is too much is left out while the text is read.
Result<Json> parse(std::string_view text) {
  std::array<usize, max_depth + 2> keys{};  // of the open object at each depth
  const auto keep = [&](int depth, Json::parse_event_t event, Json&) {
    if (depth > max_depth) return false;
    if (event == Json::parse_event_t::object_start) keys[static_cast<usize>(depth) + 1] = 0;
    return event != Json::parse_event_t::key || ++keys[static_cast<usize>(depth)] <= max_keys;
  };
  Json document = Json::parse(text, keep, /*allow_exceptions=*/false);
  if (!document.is_object())
    return fail(Error::Kind::image, "it begins like JSON and is none", std::string(hint));
  return document;
}

// A member of an object; nullptr: there is none of this type.
const Json* member(const Json& object, const char* name, Json::value_t type) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found != object.end() && found->type() == type ? &*found : nullptr;
}

// Without control characters, C1's (U+0080 to U+009F) among them.
std::string plain(const Json& value) {
  std::string text;
  for (const char c : value.get_ref<const std::string&>()) {
    const bool c1 = !text.empty() && text.back() == '\xc2' && static_cast<u8>(c) < 0xa0;
    if (c1) text.pop_back();
    if (c == '\n' || c == '\t')
      text += ' ';
    else
      text += c1 || static_cast<u8>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return text;
}

std::string string_of(const Json& object, const char* name) {
  const Json* found = member(object, name, Json::value_t::string);
  return found == nullptr ? std::string() : plain(*found);
}

std::vector<std::string> strings_of(const Json& object, const char* name) {
  std::vector<std::string> list;
  if (const Json* found = member(object, name, Json::value_t::array))
    for (const Json& entry : *found)
      if (entry.is_string() && list.size() < max_strings) list.push_back(plain(entry));
  return list;
}

std::optional<Cause> cause_of(std::string_view word) {
  for (u8 i = 0; i <= static_cast<u8>(Cause::unknown); ++i)
    if (name(static_cast<Cause>(i)) == word) return static_cast<Cause>(i);
  return std::nullopt;
}

// Of the document, or of one of its CPUs.
std::optional<Verdict> verdict_of(const Json& object) {
  const Json* found = member(object, "verdict", Json::value_t::object);
  if (found == nullptr) return std::nullopt;
  const auto cause = cause_of(string_of(*found, "cause"));
  Verdict verdict{.cause = cause.value_or(Cause::unknown),
                  .sentence = string_of(*found, "sentence"),
                  .evidence = strings_of(*found, "evidence"),
                  .advice = strings_of(*found, "advice")};
  if (!cause || verdict.sentence.empty()) return std::nullopt;
  return verdict;
}

// Nothing: a verdict is missing, or is none of ours.
std::optional<EarlierReport> earlier_of(const Json& document, std::span<const Json* const> cpus) {
  EarlierReport earlier;
  auto verdict = verdict_of(document);
  if (!verdict) return std::nullopt;
  earlier.verdict = *std::move(verdict);
  for (const Json* cpu : cpus) {
    auto one = verdict_of(*cpu);
    if (!one) return std::nullopt;
    earlier.cpus.push_back(*std::move(one));
  }
  if (const Json* samples = member(document, "samples", Json::value_t::number_unsigned))
    earlier.samples = samples->get<u64>();
  earlier.log = strings_of(document, "log");
  earlier.log_note = string_of(document, "log_note");
  return earlier;
}

hv::RegisterFile registers_of(Arch arch, const Json& cpu) {
  hv::RegisterFile file(arch, hv::register_table(arch));
  if (const Json* registers = member(cpu, "registers", Json::value_t::object))
    for (const auto& [name, value] : registers->items()) {
      const std::string ours = dump_names::canonical(arch, name);
      if (ours.empty() || !value.is_string()) continue;
      if (const auto number = hex_number(value.get_ref<const std::string&>()))
        file.set(ours, *number);
    }
  return file;
}

void read_memory(const Json& document, std::vector<CodeBlock>& into) {
  const Json* blocks = member(document, "memory", Json::value_t::array);
  if (blocks == nullptr) return;
  for (const Json& block : *blocks) {
    const auto address = hex_number(string_of(block, "address"));
    auto bytes = from_hex(string_of(block, "bytes"));
    if (!address || !bytes || bytes->empty() || into.size() == max_blocks) continue;
    bytes->resize(std::min(bytes->size(), max_block));
    into.push_back({*address, *std::move(bytes)});
  }
}

}  // namespace

Result<Dump> parse_json_dump(std::string_view text) {
  const Json document = TRY(parse(text));
  const auto arch = arch_named(string_of(document, "arch"));
  const Json* list = member(document, "cpus", Json::value_t::array);
  if (!arch || list == nullptr)
    return fail(Error::Kind::image, "the JSON is no report of diagnose", std::string(hint));
  std::vector<const Json*> cpus;
  for (const Json& cpu : *list)
    if (cpus.size() < max_cpus) cpus.push_back(&cpu);
  Dump dump{.arch = *arch, .cpus = {}, .memory = {}, .earlier = earlier_of(document, cpus)};
  for (const Json* cpu : cpus) dump.cpus.push_back(registers_of(*arch, *cpu));
  read_memory(document, dump.memory);
  return dump;
}

}  // namespace pv::inspect
