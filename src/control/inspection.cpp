#include "control/inspection.h"

#include <array>
#include <charconv>

#include "base/hex.h"
#include "base/text.h"

namespace pv::control {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr usize max_tlb = 4096;    // entries; the largest core that we know has 576
constexpr usize max_regions = 64;  // of RAM
constexpr u32 mas1_valid = 1u << 31;

std::unexpected<Error> not_ours(std::string_view what) {
  return fail(Error::Kind::host, text("the VM's answer about its {} cannot be understood", what),
              "is it another version of polyvisor?");
}

bool number(std::string_view word, u64& value, int base = 16) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  return error == std::errc() && end == word.data() + word.size();
}

// Splits off the first word; false: there is none.
bool next_number(std::string_view& words, u64& value) {
  const usize blank = words.find(' ');
  const std::string_view word = words.substr(0, blank);
  words = blank == words.npos ? std::string_view() : words.substr(blank + 1);
  return number(word, value);
}

bool parse_arch(const Reply& reply, Arch& arch) {
  const auto found = arch_named(reply.find("arch").value_or(""));
  if (found) arch = *found;
  return found.has_value();
}

hv::Activity parse_activity(std::string_view value) {
  for (u8 i = 0; i <= static_cast<u8>(hv::Activity::suspended); ++i)
    if (hv::name(static_cast<hv::Activity>(i)) == value) return static_cast<hv::Activity>(i);
  return hv::Activity::unknown;
}

bool parse_value(std::string_view word, bool wide, hv::RegisterValue& value) {
  const usize colon = word.find(':');
  if (!wide || colon == word.npos) return number(word, value.low);
  return number(word.substr(0, colon), value.high) && number(word.substr(colon + 1), value.low);
}

bool parse_tlb_entry(std::string_view words, hv::RegisterFile& file) {
  u64 index, mas1, mas8;
  hv::TlbEntry entry;
  if (!next_number(words, index) || !next_number(words, mas1) || !next_number(words, mas8) ||
      !next_number(words, entry.mas2) || !next_number(words, entry.mas7_3) || !words.empty() ||
      index >= file.tlb.size())
    return false;
  entry.mas1 = static_cast<u32>(mas1);
  entry.mas8 = static_cast<u32>(mas8);
  file.tlb[static_cast<usize>(index)] = entry;
  return true;
}

bool parse_register_field(std::string_view key, std::string_view value, hv::RegisterFile& file) {
  if (key == "arch") return true;
  if (key == "activity") {
    file.activity = parse_activity(value);
    return true;
  }
  if (key == "tlbs" || key == "tlb0") {
    u64 entries;
    if (!number(value, entries, 10) || entries > max_tlb) return false;
    if (key == "tlbs")
      file.tlb.resize(static_cast<usize>(entries));
    else
      file.tlb0_entries = static_cast<usize>(entries);
    return true;
  }
  if (key == "tlb") return parse_tlb_entry(value, file);
  const auto index = file.index(key);
  if (!index) return true;  // of a newer version
  hv::RegisterValue content;
  if (!parse_value(value, file.table[*index].bits > 64, content)) return false;
  file.set(*index, content);
  return true;
}

}  // namespace

std::string facts_reply(const Facts& facts) {
  Fields fields = {{"arch", std::string(name(facts.arch))}, {"cpus", text("{}", facts.cpus)}};
  for (const memory::GuestRange& range : facts.ram)
    fields.emplace_back("ram", text("{}+{}", range.base.value(), range.size));
  return ok_reply(fields);
}

std::string registers_reply(const hv::RegisterFile& file) {
  Fields fields = {{"arch", std::string(name(file.arch))},
                   {"activity", std::string(hv::name(file.activity))}};
  for (usize i = 0; i < file.table.size(); ++i) {
    if (file.known[i] == 0) continue;
    const hv::RegisterValue& value = file.values[i];
    fields.emplace_back(file.table[i].name, file.table[i].bits > 64
                                                ? text("{:x}:{:x}", value.high, value.low)
                                                : text("{:x}", value.low));
  }
  if (!file.tlb.empty()) {
    fields.emplace_back("tlbs", text("{}", file.tlb.size()));
    fields.emplace_back("tlb0", text("{}", file.tlb0_entries));
  }
  for (usize i = 0; i < file.tlb.size(); ++i) {
    const hv::TlbEntry& e = file.tlb[i];
    if ((e.mas1 & mas1_valid) != 0)
      fields.emplace_back("tlb",
                          text("{:x} {:x} {:x} {:x} {:x}", i, e.mas1, e.mas8, e.mas2, e.mas7_3));
  }
  return ok_reply(fields);
}

std::string memory_reply(std::span<const u8> bytes) { return ok_reply({{"data", to_hex(bytes)}}); }

std::string search_reply(const memory::SearchResult& result) {
  Fields fields;
  for (u64 at : result.found) fields.emplace_back("at", text("{:x}", at));
  fields.emplace_back("examined", text("{:x}", result.examined));
  fields.emplace_back("next", text("{:x}", result.next));
  return ok_reply(fields);
}

Result<Facts> parse_facts(const Reply& reply) {
  Facts facts;
  u64 cpus = 0;
  if (!parse_arch(reply, facts.arch) || !number(reply.find("cpus").value_or(""), cpus, 10) ||
      cpus == 0 || cpus > 4096)
    return not_ours("machine");
  facts.cpus = static_cast<u32>(cpus);
  for (const auto& [key, value] : reply.fields) {
    if (key != "ram") continue;
    const std::string_view words = value;
    const usize plus = words.find('+');
    u64 base, size;
    if (plus == words.npos || !number(words.substr(0, plus), base, 10) ||
        !number(words.substr(plus + 1), size, 10) || size == 0 || base + size - 1 < base ||
        facts.ram.size() == max_regions)
      return not_ours("memory");
    facts.ram.push_back({memory::GuestAddress(base), size});
  }
  return facts;
}

Result<hv::RegisterFile> parse_registers(const Reply& reply) {
  Arch arch;
  if (!parse_arch(reply, arch)) return not_ours("registers");
  hv::RegisterFile file(arch, hv::register_table(arch));
  for (const auto& [key, value] : reply.fields)
    if (!parse_register_field(key, value, file)) return not_ours("registers");
  if (file.tlb0_entries > file.tlb.size()) return not_ours("TLB");
  return file;
}

Result<std::vector<u8>> parse_memory(const Reply& reply) {
  auto bytes = from_hex(reply.find("data").value_or(""));
  if (!bytes) return not_ours("memory");
  return *std::move(bytes);
}

Result<memory::SearchResult> parse_search(const Reply& reply) {
  memory::SearchResult result;
  if (!number(reply.find("examined").value_or(""), result.examined) ||
      !number(reply.find("next").value_or(""), result.next))
    return not_ours("search");
  for (const auto& [key, value] : reply.fields) {
    if (key != "at") continue;
    u64 at;
    if (!number(value, at)) return not_ours("search");
    result.found.push_back(at);
  }
  return result;
}

}  // namespace pv::control
