#include "inspect/kernel_log.h"

#include <array>

#include "base/text.h"
#include "inspect/guest_words.h"
#include "inspect/printk_ring.h"

namespace pv::inspect {
namespace {

constexpr std::string_view banner = "Linux version ";
constexpr usize most_banners = 64;  // the kernel's own texts hold some, programs more
constexpr usize most_structures = 16;

class Search {
 public:
  Search(Subject& subject, const std::function<bool()>& go_on) : subject_(subject), go_on_(go_on) {}
  LogSearch run();

 private:
  GuestWords physical(unsigned word) {
    return {[this](u64 at, MutableBytes into) { return subject_.read_physical(at, into); },
            big_endian(subject_.facts().arch), word};
  }
  Hits find(Bytes pattern, usize most, const Range& within) {
    // What is bounded anyway is looked through however slow the host is.
    const bool bounded = within.size <= around(0).size;
    Hits hits = bounded ? subject_.find_physical(
                              pattern, most, [] { return true; }, within)
                        : subject_.find_physical(pattern, most, go_on_, within);
    result_.examined += hits.examined;
    return hits;
  }
  std::optional<KernelLog> ring(u64 text_at, unsigned word);
  std::optional<KernelLog> records(u64 text_at, unsigned header);
  std::optional<KernelLog> log_at(u64 text_at);

  Subject& subject_;
  const std::function<bool()>& go_on_;
  LogSearch result_;
};

std::optional<KernelLog> blocks(GuestWords& memory, const FirstBlock& first) {
  KernelLog log = read_printk_blocks(memory, first);
  if (log.records < 2) return std::nullopt;
  return log;
}

std::optional<KernelLog> Search::ring(u64 text_at, unsigned word) {
  GuestWords memory = physical(word);
  const auto first = first_printk_block(memory, text_at);
  if (!first) return std::nullopt;
  // The text's blocks alone could be a copy of the log: the structure must know them.
  std::array<u8, 8> pattern;
  for (unsigned i = 0; i < word; ++i)
    pattern[i] = static_cast<u8>(oldest_id(*first) >>
                                 8 * (big_endian(subject_.facts().arch) ? word - 1 - i : i));
  if (!begins_printk_ring(*first, word)) return blocks(memory, *first);
  // A ring of the size that was built in lies near its structure, a longer one anywhere.
  for (const Range& within : {around(text_at), everywhere})
    for (u64 at : find(Bytes(pattern).first(word), most_structures, within).at) {
      const auto found = printk_ring_at(memory, at - oldest_id_offset(word));
      if (!found || found->tail_id != oldest_id(*first)) continue;
      // The first block lies at the ring's begin, which the structure knows by its virtual address.
      KernelLog log = read_printk_ring(memory, *found, found->data - first->address);
      if (log.records >= 2) return log;
    }
  return blocks(memory, *first);
}

// Linux 3.5 to 5.9.
std::optional<KernelLog> Search::records(u64 text_at, unsigned header) {
  GuestWords memory = physical(8);
  KernelLog log;
  u64 at = text_at - header;
  log.address = at;
  log.timed = true;
  while (log.lines.size() < KernelLog::max_lines) {
    const auto time = memory.number(at, 8), length = memory.number(at + 8, 2),
               text_length = memory.number(at + 10, 2), dictionary = memory.number(at + 12, 2);
    if (!time || !length || !text_length || !dictionary || *length == 0) break;
    const u64 least = header + *text_length + *dictionary;
    if (*length < least || *length - least >= 8 || *length % 4 != 0) break;
    const std::string words = memory.string(at + header, static_cast<usize>(*text_length));
    if (words.size() != *text_length) break;
    add_log_lines(words, text("[{:5}.{:06}] ", *time / 1'000'000'000, *time / 1000 % 1'000'000),
                  log);
    ++log.records;
    at += *length;
  }
  if (log.records < 2) return std::nullopt;
  return log;
}

std::optional<KernelLog> Search::log_at(u64 text_at) {
  if (text_at < 64) return std::nullopt;
  for (unsigned word : {8u, 4u})
    if (text_at % word == 0)
      if (auto log = ring(text_at, word)) return log;
  for (unsigned header : {16u, 24u, 20u})
    if (auto log = records(text_at, header)) return log;
  return std::nullopt;
}

LogSearch Search::run() {
  const Hits banners =
      find({reinterpret_cast<const u8*>(banner.data()), banner.size()}, most_banners, everywhere);
  result_.whole = banners.whole;
  result_.is_linux = !banners.at.empty();
  if (result_.is_linux) result_.kernel = banners.at.front();
  // A kernel that was told to keep a longer log leaves a copy of its beginning behind.
  for (u64 at : banners.at) {
    auto log = log_at(at);
    if (log && (!result_.log || log->records > result_.log->records)) result_.log = std::move(log);
  }
  return std::move(result_);
}

std::optional<KernelLog> by_name(Subject& subject, const LogHint& hint) {
  const unsigned word = subject.facts().arch == Arch::powerpc && hint.variable >> 32 == 0 ? 4 : 8;
  GuestWords memory(
      [&](u64 at, MutableBytes into) { return subject.read_virtual(*hint.cpu, at, into); },
      big_endian(subject.facts().arch), word);
  const auto pointer = memory.word(hint.variable);
  if (!pointer) return std::nullopt;
  const auto ring = printk_ring_at(memory, *pointer);
  if (!ring) return std::nullopt;
  KernelLog log = read_printk_ring(memory, *ring, 0);
  if (log.records < 2) return std::nullopt;
  return log;
}

}  // namespace

void add_log_lines(std::string_view words, const std::string& prefix, KernelLog& log) {
  while (!words.empty() && log.lines.size() < KernelLog::max_lines) {
    const usize end = words.find('\n');
    std::string line = prefix;
    for (char c : words.substr(0, end))
      line += (c >= ' ' && static_cast<unsigned char>(c) < 0x7f) || c == '\t' ? c : '?';
    log.lines.push_back(std::move(line));
    words = end == words.npos ? std::string_view() : words.substr(end + 1);
  }
}

LogSearch find_kernel_log(Subject& subject, const std::optional<LogHint>& hint,
                          const std::function<bool()>& go_on) {
  if (hint)
    if (auto log = by_name(subject, *hint))
      return {.log = std::move(log), .is_linux = true, .kernel = 0, .examined = 0, .whole = true};
  return Search(subject, go_on).run();
}

namespace {

// A line of the log without its time stamp, "[    0.123456] ".
std::string_view words_of(std::string_view line) {
  const usize end = line.find("] ");
  return line.starts_with('[') && end != line.npos ? line.substr(end + 2) : line;
}

}  // namespace

const std::string* find_panic(const KernelLog& log) {
  const std::string* found = nullptr;
  for (const std::string& line : log.lines)
    if (words_of(line).starts_with("Kernel panic - not syncing")) found = &line;
  return found;
}

}  // namespace pv::inspect
