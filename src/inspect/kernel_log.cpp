#include "inspect/kernel_log.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr std::string_view banner = "Linux version ";
constexpr u64 chunk = 64_KiB;
constexpr u64 furthest = 256_MiB;     // from the begin of each range of RAM
constexpr usize longest_text = 2048;  // of one record
constexpr usize window_size = 4096;   // read at once while walking

// Guest-physical memory with a window, so that words cost no request each.
class Reader {
 public:
  Reader(Subject& subject, bool big) : subject_(subject), big_(big) {}
  std::optional<u64> number(u64 address, unsigned size) {
    if (!covers(address, size) && !load(address)) return std::nullopt;
    if (!covers(address, size)) return std::nullopt;
    u64 value = 0;
    for (unsigned i = 0; i < size; ++i)
      value |= u64{at(address + i)} << 8 * (big_ ? size - 1 - i : i);
    return value;
  }
  // At most `most` characters, up to the first NUL.
  std::string string(u64 address, usize most) {
    std::string found;
    while (found.size() < most) {
      const auto byte = number(address + found.size(), 1);
      if (!byte || *byte == 0) break;
      found += static_cast<char>(*byte);
    }
    return found;
  }

 private:
  bool covers(u64 address, unsigned size) const {
    return address >= begin_ && address - begin_ + size <= bytes_.size();
  }
  u8 at(u64 address) const { return bytes_[static_cast<usize>(address - begin_)]; }
  bool load(u64 address) {
    begin_ = align_down(address, 256);
    for (usize size : {window_size, usize{512}}) {
      bytes_.resize(size);
      if (subject_.read_physical(begin_, bytes_)) return true;
    }
    bytes_.clear();
    return false;
  }

  Subject& subject_;
  bool big_;
  u64 begin_ = 0;
  std::vector<u8> bytes_;
};

// A record's text as lines, with what no terminal should see made visible.
void add_lines(std::string_view text, const std::string& prefix, KernelLog& log) {
  while (!text.empty() && log.lines.size() < KernelLog::max_lines) {
    const usize end = text.find('\n');
    std::string line = prefix;
    for (char c : text.substr(0, end))
      line += (c >= ' ' && c != 0x7f) || c == '\t' ? c : '?';  // not bytes above 127: control codes
    log.lines.push_back(std::move(line));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
}

bool plausible(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\t' || c == 0x1b;
  });
}

// --- Linux 5.10 and later

// The data block after the one at `block`, whose identifier is `id`; a few may be missing.
std::optional<u64> next_block(Reader& reader, u64 block, u64 id, unsigned word, u64& next_id) {
  for (u64 ahead = 1; ahead <= 3; ++ahead)
    for (u64 at = block + word; at < block + word + longest_text; at += word)
      if (reader.number(at, word) == id + ahead) {
        next_id = id + ahead;
        return at;
      }
  return std::nullopt;
}

std::optional<u64> previous_block(Reader& reader, u64 block, u64 id, unsigned word) {
  for (u64 back = word; back <= longest_text && back <= block; back += word)
    if (reader.number(block - back, word) == id - 1 &&
        plausible(reader.string(block - back + word, static_cast<usize>(back - word))))
      return block - back;
  return std::nullopt;
}

std::optional<KernelLog> read_ring(Reader& reader, u64 text_at, unsigned word) {
  u64 block = text_at - word;
  const auto first = reader.number(block, word);
  // The two upper bits of an identifier are a descriptor's state, never set in a block.
  if (!first || *first == 0 || *first >> (8 * word - 2) != 0) return std::nullopt;
  u64 id = *first;
  KernelLog log;
  for (int before = 0; before < 64; ++before) {
    const auto previous = previous_block(reader, block, id, word);
    if (!previous) break;
    block = *previous;
    --id;
  }
  log.address = block;
  usize records = 0;
  for (;; ++records) {
    u64 next_id = 0;
    const auto next = next_block(reader, block, id, word, next_id);
    const usize most = next ? static_cast<usize>(*next - block) - word : longest_text;
    const std::string text = reader.string(block + word, most);
    if (!next && !plausible(text)) break;
    add_lines(text, {}, log);
    if (!next || log.lines.size() >= KernelLog::max_lines) break;
    block = *next;
    id = next_id;
  }
  if (records < 2) return std::nullopt;
  return log;
}

// --- Linux 3.5 to 5.9

std::optional<KernelLog> read_records(Reader& reader, u64 text_at, unsigned header) {
  KernelLog log;
  u64 at = text_at - header;
  log.address = at;
  log.timed = true;
  while (log.lines.size() < KernelLog::max_lines) {
    const auto time = reader.number(at, 8), length = reader.number(at + 8, 2),
               text_length = reader.number(at + 10, 2), dictionary = reader.number(at + 12, 2);
    if (!time || !length || !text_length || !dictionary || *length == 0) break;
    const u64 least = header + *text_length + *dictionary;
    if (*length < least || *length - least >= 8 || *length % 4 != 0) break;
    const std::string text = reader.string(at + header, static_cast<usize>(*text_length));
    if (text.size() != *text_length) break;
    add_lines(text, pv::text("[{:5}.{:06}] ", *time / 1'000'000'000, *time / 1000 % 1'000'000),
              log);
    at += *length;
  }
  if (log.lines.size() < 2) return std::nullopt;
  return log;
}

std::optional<KernelLog> try_at(Reader& reader, u64 text_at) {
  if (text_at < 64) return std::nullopt;
  for (unsigned word : {8u, 4u})
    if (text_at % word == 0)
      if (auto log = read_ring(reader, text_at, word)) return log;
  for (unsigned header : {16u, 24u, 20u})
    if (auto log = read_records(reader, text_at, header)) return log;
  return std::nullopt;
}

}  // namespace

std::optional<KernelLog> find_kernel_log(Subject& subject, const std::function<bool()>& go_on) {
  Reader reader(subject, big_endian(subject.facts().arch));
  std::vector<u8> bytes;
  for (const Range& range : subject.facts().ram) {
    const u64 end = range.begin + std::min(range.size, furthest);
    for (u64 at = range.begin; at < end; at += chunk) {
      if (!go_on()) return std::nullopt;
      // With the next chunk's begin, so that nothing hides between two.
      bytes.resize(static_cast<usize>(std::min(chunk + banner.size(), end - at)));
      if (!subject.read_physical(at, bytes)) continue;
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      for (usize found = text.find(banner); found != text.npos;
           found = text.find(banner, found + 1))
        if (auto log = try_at(reader, at + found)) return log;
    }
  }
  return std::nullopt;
}

const std::string* find_panic(const KernelLog& log) {
  const std::string* found = nullptr;
  for (const std::string& line : log.lines)
    if (line.find("Kernel panic - not syncing") != line.npos &&
        line.find("---[ end Kernel panic") == line.npos)
      found = &line;
  return found;
}

}  // namespace pv::inspect
