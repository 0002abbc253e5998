#include "inspect/printk_ring.h"

#include <algorithm>
#include <bit>

#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr usize longest_text = 2048;  // of one record
constexpr u64 info_size = 88;         // struct printk_info
constexpr unsigned most_bits = 26;    // 64 MiB of text, as many descriptors

bool plausible(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\t' || c == 0x1b;
  });
}

u64 id_mask(unsigned word) { return (u64{1} << (8 * word - 2)) - 1; }

// The block of the record before, if it lies before this one.
std::optional<u64> previous_block(GuestWords& memory, u64 block, u64 id) {
  const unsigned word = memory.word_size();
  for (u64 back = 2 * word; back <= longest_text && back <= block; back += word)
    if (memory.word(block - back) == id - 1 &&
        plausible(memory.string(block - back + word, static_cast<usize>(back - word))))
      return block - back;
  return std::nullopt;
}

// The block after the one at `block`, whose identifier is `id`; a few may be missing.
std::optional<FirstBlock> next_block(GuestWords& memory, u64 block, u64 id) {
  const unsigned word = memory.word_size();
  for (u64 ahead = 1; ahead <= 3; ++ahead)
    for (u64 at = block + 2 * word; at < block + longest_text; at += word)
      if (memory.word(at) == ((id + ahead) & id_mask(word))) return FirstBlock{at, id + ahead};
  return std::nullopt;
}

// The text ring behind the descriptors' ring, which got a field more in 6.7.
bool find_text_ring(GuestWords& memory, u64 at, PrintkRing& ring) {
  const unsigned word = memory.word_size();
  for (u64 fields : {5u, 6u}) {
    const u64 there = at + fields * word;
    const auto bits = memory.number(there, 4);
    const auto data = memory.word(there + word), head = memory.word(there + 2 * word),
               tail = memory.word(there + 3 * word);
    if (!bits || !data || !head || !tail || *bits < 8 || *bits > most_bits || *data % word != 0 ||
        *data < 4096)
      continue;
    const u64 used = word == 8 ? *head - *tail : (*head - *tail) & 0xffff'ffff;
    if (used > u64{1} << *bits) continue;
    ring.size_bits = static_cast<unsigned>(*bits);
    ring.data = *data;
    return true;
  }
  return false;
}

std::string stamp(u64 ns) {
  return text("[{:5}.{:06}] ", ns / 1'000'000'000, ns / 1000 % 1'000'000);
}

// Three windows: the arrays lie apart and are read in turns.
class RecordReader {
 public:
  RecordReader(GuestWords& memory, const PrintkRing& ring, u64 move)
      : descriptors_(memory), infos_(memory), data_(memory), ring_(ring), move_(move) {}

  // The record `id`, if it is complete and its text is still there.
  bool read(u64 id, KernelLog& log) {
    const unsigned word = descriptors_.word_size();
    const u64 index = id & ((u64{1} << ring_.descriptor_bits) - 1);
    const u64 descriptor = ring_.descriptors - move_ + index * 3 * word;
    const auto state = descriptors_.word(descriptor), begin = descriptors_.word(descriptor + word),
               next = descriptors_.word(descriptor + 2 * word);
    if (!state || !begin || !next || (*state & id_mask(word)) != id) return false;
    const u64 phase = *state >> (8 * word - 2);  // 1: committed, 2: final
    if (phase != 1 && phase != 2) return false;
    const u64 info = ring_.infos - move_ + index * info_size;
    const auto time = infos_.number(info + 8, 8), length = infos_.number(info + 16, 2);
    if (!time || !length) return false;
    std::string words;
    if ((*begin & 1) == 0 && !text_of(*begin, *next, id, static_cast<usize>(*length), words))
      return false;
    add_log_lines(words.empty() ? " " : words, stamp(*time), log);
    return true;
  }

 private:
  // Positions count up; a block that would reach over the ring's end lies at its begin instead.
  bool text_of(u64 begin, u64 next, u64 id, usize length, std::string& words) {
    const unsigned word = data_.word_size();
    const u64 size = u64{1} << ring_.size_bits;
    const bool wrapped = begin >> ring_.size_bits != (next - 1) >> ring_.size_bits;
    const u64 offset = wrapped ? 0 : begin & (size - 1);
    const u64 room = ((next - 1) & (size - 1)) + 1 - offset;
    if (room < word || room > size || data_.word(ring_.data - move_ + offset) != id) return false;
    words = data_.string(ring_.data - move_ + offset + word,
                         std::min(length, static_cast<usize>(room - word)));
    return true;
  }

  GuestWords descriptors_, infos_, data_;
  const PrintkRing& ring_;
  u64 move_;
};

}  // namespace

std::optional<PrintkRing> printk_ring_at(GuestWords& memory, u64 address) {
  const unsigned word = memory.word_size();
  PrintkRing ring{.at = address};
  const auto bits = memory.number(address, 4);
  const auto descriptors = memory.word(address + word), infos = memory.word(address + 2 * word),
             head = memory.word(address + 3 * word), tail = memory.word(address + 4 * word);
  if (!bits || !descriptors || !infos || !head || !tail) return std::nullopt;
  if (*bits < 3 || *bits > most_bits || *descriptors % word != 0 || *infos % word != 0 ||
      *descriptors < 4096 || *infos < 4096 || *descriptors == *infos)
    return std::nullopt;
  // The tail is a descriptor that is in use or, before the first round, just before the first.
  if (((*head - *tail) & id_mask(word)) > u64{1} << *bits) return std::nullopt;
  ring.descriptor_bits = static_cast<unsigned>(*bits);
  ring.descriptors = *descriptors;
  ring.infos = *infos;
  ring.head_id = *head;
  ring.tail_id = *tail;
  if (!find_text_ring(memory, address, ring)) return std::nullopt;
  return ring;
}

KernelLog read_printk_ring(GuestWords& memory, const PrintkRing& ring, u64 move) {
  KernelLog log;
  log.timed = true;
  log.address = ring.data - move;
  RecordReader reader(memory, ring, move);
  const u64 mask = id_mask(memory.word_size());
  const u64 count = (ring.head_id - ring.tail_id) & mask;  // at most what there are descriptors
  for (u64 i = 0; i <= count && log.lines.size() < KernelLog::max_lines; ++i)
    if (reader.read((ring.tail_id + i) & mask, log)) ++log.records;
  return log;
}

std::optional<FirstBlock> first_printk_block(GuestWords& memory, u64 text) {
  const unsigned word = memory.word_size();
  if (text < 64 || text % word != 0) return std::nullopt;
  FirstBlock first{.address = text - word, .id = 0};
  const auto id = memory.word(first.address);
  // The two upper bits of an identifier are a descriptor's state, never set in a block.
  if (!id || *id < 256 || *id > id_mask(word)) return std::nullopt;
  first.id = *id;
  for (int before = 0; before < 64; ++before) {
    const auto previous = previous_block(memory, first.address, first.id);
    if (!previous) break;
    first.address = *previous;
    --first.id;
  }
  return first;
}

bool begins_printk_ring(const FirstBlock& first, unsigned word) {
  if (first.id == 0) return false;
  const unsigned bits = static_cast<unsigned>(std::countr_zero(first.id));
  const u64 from_top = first.id + (u64{1} << bits);
  return bits >= 3 && bits <= most_bits &&
         (from_top == u64{1} << 32 || from_top == id_mask(word) + 1);
}

KernelLog read_printk_blocks(GuestWords& memory, const FirstBlock& first) {
  const unsigned word = memory.word_size();
  KernelLog log;
  log.address = first.address;
  FirstBlock block = first;
  while (log.lines.size() < KernelLog::max_lines) {
    const auto next = next_block(memory, block.address, block.id);
    const usize most =
        next ? static_cast<usize>(next->address - block.address) - word : longest_text;
    const std::string words = memory.string(block.address + word, most);
    if (!next && !plausible(words)) break;
    add_log_lines(words, {}, log);
    ++log.records;
    if (!next) break;
    block = *next;
  }
  return log;
}

}  // namespace pv::inspect
