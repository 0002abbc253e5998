#include "inspect/kallsyms.h"

#include <algorithm>

#include "base/endian.h"
#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr std::string_view digits_pattern("0\0001\0002\0003\0004\0005\0006\0007\0008\0009", 20);
constexpr usize most_hits = 64;  // of that; it also stands in tables of character sets
constexpr unsigned first_digit = '0';
constexpr usize longest_token = 64, longest_name = 512;
constexpr usize most_symbols = 1 << 20;
constexpr u64 furthest = 1_MiB;      // an address from its symbol
constexpr u64 most_between = 4_MiB;  // markers and tokens have other tables between them in some
constexpr usize most_tries = 32;     // of what looks like the markers
constexpr u64 per_marker = 256;
constexpr u64 longest_stretch = per_marker * 200;  // bytes of 256 names

}  // namespace

bool Kallsyms::read_tokens(u64 digits) {
  u64 at = digits;
  std::array<u64, 256> begins{};
  for (unsigned i = first_digit; i < 256; ++i) {
    begins[i] = at - digits;
    const std::string token = memory_.string(at, longest_token);
    if (token.empty() || token.size() == longest_token) return false;
    at += token.size() + 1;
  }
  token_index_ = align_up(at, memory_.word_size());
  const auto before = memory_.number(token_index_ + 2 * first_digit, 2);
  if (!before || *before > digits) return false;
  token_table_ = digits - *before;
  for (unsigned i = 0; i < 256; ++i) {
    const auto begin = memory_.number(token_index_ + 2 * i, 2);
    if (!begin || (i == 0 && *begin != 0)) return false;
    if (i >= first_digit && *begin != begins[i] + *before) return false;
    tokens_[i] = memory_.string(token_table_ + *begin, longest_token);
    if (tokens_[i].empty() || tokens_[i].size() == longest_token) return false;
  }
  return true;
}

// Backwards from the tokens: the markers begin with 0 and grow by what 256 names may take.
bool Kallsyms::find_names() {
  usize run = 0, tries = 0;
  u64 following = 0, last = 0;
  const u64 nearest = align_down(token_table_, 4);
  for (u64 back = 4; back <= most_between && back <= nearest; back += 4) {
    const auto value = memory_.number(nearest - back, 4);
    if (!value) return false;
    if (run != 0 && *value < following && following - *value >= 2 * per_marker &&
        following - *value <= longest_stretch) {
      ++run;
    } else {
      run = 1;
      last = *value;
    }
    following = *value;
    if (*value != 0 || run < 3) continue;
    if (names_before(nearest - back, run, last)) return true;
    if (++tries >= most_tries) return false;
  }
  return false;
}

bool Kallsyms::names_before(u64 markers, usize marker_count, u64 last_marker) {
  const unsigned word = memory_.word_size();
  const u64 most = (marker_count)*per_marker, least = most - per_marker + 1;
  if (markers < last_marker + longest_stretch || most > most_symbols) return false;
  const u64 latest = align_down(markers - last_marker, word);
  // Before the names stands their number, padded to a word.
  for (u64 names = latest; names > latest - longest_stretch; names -= word) {
    const auto count = memory_.number(names - word, 4);
    if (!count) return false;
    if (*count < least || *count > most) continue;
    count_ = static_cast<usize>(*count);
    if (names_at(names, markers, last_marker)) return true;
  }
  return false;
}

bool Kallsyms::names_at(u64 names, u64 markers, u64 last_marker) {
  const auto first = memory_.number(markers + 4, 4);
  if (!first || skip(names, per_marker) != names + *first) return false;
  const auto end = skip(names + last_marker, (count_ - 1) % per_marker + 1);
  if (!end || *end > markers || markers - *end > memory_.word_size()) return false;
  names_ = names;
  markers_ = markers;
  return true;
}

bool Kallsyms::find_addresses() {
  const unsigned word = memory_.word_size();
  const u64 size = align_up(u64{4} * count_, word);
  const u64 behind = align_up(token_index_ + 512, word);
  if (addresses_at(behind, behind + size)) return true;
  const u64 base = names_ - 2 * word;
  return base > size && addresses_at(base - size, base);
}

bool Kallsyms::addresses_at(u64 offsets, u64 base) {
  const unsigned word = memory_.word_size();
  const auto value = memory_.word(base), middle = memory_.number(offsets + 4 * (count_ / 2), 4);
  if (!value || !middle || *value >> (8 * word - 1) == 0)
    return false;  // kernels live in the upper half
  offsets_ = offsets;
  base_ = *value;
  percpu_ = *middle >> 31 != 0;
  constexpr usize probes = 64;
  u64 before = 0;
  for (usize i = 0; i < probes; ++i) {
    const auto one = address(i * (count_ - 1) / (probes - 1));
    if (!one || *one < before) return false;
    before = *one;
  }
  return before > base_;
}

std::optional<u64> Kallsyms::address(usize i) const {
  const auto raw = memory_.number(offsets_ + 4 * u64{i}, 4);
  if (!raw) return std::nullopt;
  if (!percpu_) return base_ + *raw;
  return *raw >> 31 != 0 ? base_ + (u64{0xffff'ffff} - *raw) : *raw;
}

std::optional<u64> Kallsyms::skip(u64 at, usize names) const {
  for (usize i = 0; i < names; ++i) {
    const auto length = memory_.number(at, 1), more = memory_.number(at + 1, 1);
    if (!length || !more || *length == 0) return std::nullopt;
    at += (*length & 0x80) != 0 ? 2 + ((*length & 0x7f) | *more << 7) : 1 + *length;
  }
  return at;
}

std::optional<std::string> Kallsyms::expand(u64 at, u64& next) const {
  const auto end = skip(at, 1);
  const auto length = memory_.number(at, 1);
  if (!end || !length) return std::nullopt;
  next = *end;
  std::string name;
  for (u64 token = at + ((*length & 0x80) != 0 ? 2 : 1); token < *end; ++token) {
    const auto index = memory_.number(token, 1);
    if (!index || name.size() > longest_name) return std::nullopt;
    name += tokens_[static_cast<usize>(*index)];
  }
  return name;
}

std::optional<Kallsyms::Symbol> Kallsyms::at(u64 wanted) const {
  usize low = 0, high = count_;  // address(low) <= wanted < address(high)
  const auto first = address(0);
  // Below the kernel stand x86_64's per-CPU offsets: small numbers are not addresses of theirs.
  if (!first || wanted < *first || wanted < base_) return std::nullopt;
  while (high - low > 1) {
    const usize middle = low + (high - low) / 2;
    const auto there = address(middle);
    if (!there) return std::nullopt;
    (*there <= wanted ? low : high) = middle;
  }
  const auto found = address(low);
  if (!found || wanted - *found >= furthest) return std::nullopt;
  for (int aliases = 0; low > 0 && aliases < 64 && address(low - 1) == found; ++aliases) --low;
  const auto marker = memory_.number(markers_ + 4 * (low / per_marker), 4);
  if (!marker) return std::nullopt;
  auto name_at = skip(names_ + *marker, low % per_marker);
  u64 next = 0;
  auto name = name_at ? expand(*name_at, next) : std::nullopt;
  if (!name || name->size() < 2) return std::nullopt;
  std::string plain = printable(std::string_view(*name).substr(1));
  return Symbol{std::move(plain), *found};
}

std::string Kallsyms::describe(u64 wanted) const {
  const auto symbol = at(wanted);
  if (!symbol) return {};
  return symbol->address == wanted ? symbol->name
                                   : text("{}+{:#x}", symbol->name, wanted - symbol->address);
}

std::optional<u64> Kallsyms::address_of(std::string_view name) const {
  u64 at = names_;
  for (usize i = 0; i < count_; ++i) {
    const auto one = expand(at, at);
    if (!one) return std::nullopt;
    if (std::string_view(*one).substr(std::min<usize>(1, one->size())) == name) return address(i);
  }
  return std::nullopt;
}

std::optional<Kallsyms> Kallsyms::find(Subject& subject, u64 kernel,
                                       const std::function<bool()>& go_on) {
  const Bytes pattern = bytes_of(digits_pattern);
  const bool big = big_endian(subject.facts().arch);
  const auto physical = [&subject](u64 at, MutableBytes into) {
    return subject.read_physical(at, into);
  };
  // Around the kernel the search is bounded, and goes on however slow the host is.
  for (const bool near : {true, false}) {
    const auto goes_on = [&] { return near || go_on(); };
    const Range within = near ? around(kernel) : everywhere;
    for (u64 at : subject.find_physical(pattern, most_hits, goes_on, within).at)
      for (unsigned word : {8u, 4u}) {
        if (word == 4 && subject.facts().arch != Arch::powerpc) continue;
        if (!goes_on()) return std::nullopt;
        Kallsyms found(GuestWords(physical, big, word));
        if (found.read_tokens(at) && found.find_names() && found.find_addresses()) return found;
      }
  }
  return std::nullopt;
}

}  // namespace pv::inspect
