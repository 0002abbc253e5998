#include "cli/live_subject.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"
#include "control/inspection.h"
#include "inspect/address_space.h"

namespace pv::cli {
namespace {

constexpr u64 page_size = 4_KiB;
constexpr usize most_pages = 4096;  // kept

}  // namespace

Result<std::unique_ptr<LiveSubject>> LiveSubject::open(const control::Running& vm) {
  auto connection = TRY(control::Connection::open(vm));
  std::unique_ptr<LiveSubject> subject(new LiveSubject(std::move(connection), nullptr));
  TRY(subject->ask_facts(vm.name));
  return subject;
}

Result<std::unique_ptr<LiveSubject>> LiveSubject::over(control::Connection& connection,
                                                       std::string_view name) {
  std::unique_ptr<LiveSubject> subject(new LiveSubject({}, &connection));
  TRY(subject->ask_facts(name));
  return subject;
}

Result<void> LiveSubject::ask_facts(std::string_view name) {
  const auto answer = TRY(connection_.request(control::Verb::facts));
  const auto facts = TRY(control::parse_facts(answer));
  const auto stats = TRY(connection_.request(control::Verb::stat));
  inspect::Facts& ours = facts_;
  ours.arch = facts.arch;
  ours.cpus = facts.cpus;
  for (const memory::GuestRange& range : facts.ram)
    ours.ram.push_back({range.base.value(), range.size});
  ours.live = true;
  ours.paused = stats.find("state") == "paused";
  ours.debugger = stats.find("debugger.stopped") == "1";
  ours.what = text("the VM {}", name);
  return {};
}

Result<hv::RegisterFile> LiveSubject::sample(unsigned cpu) {
  pages_.clear();
  const auto answer = TRY(connection_.request({control::Verb::registers, cpu}));
  auto file = TRY(control::parse_registers(answer));
  if (file.arch != facts_.arch)
    return fail(Error::Kind::host, "the VM's answers contradict each other");
  return file;
}

bool LiveSubject::is_ram(u64 address) const {
  return std::ranges::any_of(facts_.ram,
                             [&](const inspect::Range& range) { return range.contains(address); });
}

const std::vector<u8>* LiveSubject::page(u64 number) {
  const auto known = pages_.find(number);
  if (known != pages_.end()) return &known->second;
  const auto reply = connection_.request({control::Verb::memory, number * page_size, page_size});
  if (!reply) return nullptr;
  auto bytes = control::parse_memory(*reply);
  if (!bytes || bytes->size() != page_size) return nullptr;
  if (pages_.size() >= most_pages) pages_.clear();
  return &pages_.emplace(number, *std::move(bytes)).first->second;
}

// Without keeping it: who reads much reads it once.
bool LiveSubject::read_much(u64 address, MutableBytes into) {
  const auto contains = [&](const inspect::Range& range) {
    return range.contains(address) && into.size() <= range.size - (address - range.begin);
  };
  if (std::ranges::none_of(facts_.ram, contains)) return false;
  while (!into.empty()) {
    const usize piece = std::min<usize>(into.size(), control::max_memory_reply);
    const auto reply = connection_.request({control::Verb::memory, address, piece});
    if (!reply) return false;
    const auto bytes = control::parse_memory(*reply);
    if (!bytes || bytes->size() != piece) return false;
    std::memcpy(into.data(), bytes->data(), piece);
    into = into.subspan(piece);
    address += piece;
  }
  return true;
}

bool LiveSubject::read_physical(u64 address, MutableBytes into) {
  if (into.size() > 2 * page_size) return read_much(address, into);
  while (!into.empty()) {
    if (!is_ram(address)) return false;
    const std::vector<u8>* found = page(address / page_size);
    if (found == nullptr) return false;
    const u64 offset = address % page_size;
    const usize piece = static_cast<usize>(std::min<u64>(into.size(), page_size - offset));
    std::memcpy(into.data(), found->data() + offset, piece);
    into = into.subspan(piece);
    address += piece;
  }
  return true;
}

// The VM searches its memory itself, a piece at a time.
inspect::Hits LiveSubject::find_physical(Bytes pattern, usize most,
                                         const std::function<bool()>& go_on,
                                         const inspect::Range& within) {
  inspect::Hits hits;
  for (const inspect::Range& ram : facts_.ram) {
    const inspect::Range range = inspect::common(ram, within);
    const u64 end = range.begin + range.size;
    for (u64 at = range.begin; at < end;) {
      control::Request wanted(control::Verb::search, at, end - at);
      wanted.pattern.assign(pattern.begin(), pattern.end());
      hits.whole = hits.at.size() < most && go_on();
      if (!hits.whole) return hits;
      const auto reply = connection_.request(wanted);
      // A VM of a version that cannot closes the connection.
      const auto part = reply ? control::parse_search(*reply) : std::unexpected(reply.error());
      hits.whole = part && part->next > at;
      if (!hits.whole) return hits;
      hits.at.insert(hits.at.end(), part->found.begin(), part->found.end());
      hits.examined += part->examined;
      at = part->next;
    }
  }
  if (hits.at.size() > most) hits.at.resize(most);
  return hits;
}

bool LiveSubject::read_virtual(const hv::RegisterFile& cpu, u64 address, MutableBytes into) {
  const inspect::ReadPhysical physical = [this](u64 at, MutableBytes bytes) {
    return read_physical(at, bytes);
  };
  const auto walk = inspect::address_space(cpu, physical);
  return inspect::read_virtual(*walk, physical, address, into).has_value();
}

inspect::ConsoleUse LiveSubject::console() {
  const auto stats = connection_.request(control::Verb::stat);
  const auto number = [&](std::string_view key) {
    const std::string_view word = stats ? stats->find(key).value_or("") : "";
    u64 count = 0;
    std::from_chars(word.data(), word.data() + word.size(), count);
    return count;
  };
  return {.written = number("console-bytes"),
          .polled = number("console-polled") != 0,
          .reads = number("exits.mmio-read") + number("exits.pio")};
}

std::string LiveSubject::explain_address(const hv::RegisterFile& cpu, u64 address) {
  const inspect::ReadPhysical physical = [this](u64 at, MutableBytes bytes) {
    return read_physical(at, bytes);
  };
  const auto walk = inspect::address_space(cpu, physical);
  const auto translation = walk->translate(address);
  if (!translation) return "not mapped: " + translation.error().message;
  const char* kind = is_ram(translation->physical) ? "RAM" : "no RAM: a device, or nothing";
  if (translation->size == 0) return text("a physical address ({})", kind);
  return text("mapped to {:#x} ({})", translation->physical, kind);
}

}  // namespace pv::cli
