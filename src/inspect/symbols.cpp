#include "inspect/symbols.h"

#include <algorithm>
#include <charconv>

#include "base/endian.h"
#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr u64 furthest = 1_MiB;  // from a symbol
constexpr usize longest_name = 256;

// Functions and data; not what kallsyms lists as absolute, nor undefined or weak.
bool wanted(char type) {
  constexpr std::string_view types = "tTdDbBrRwWvVgGsS";
  return types.find(type) != types.npos;
}

// Mapping symbols and other names that say nothing.
bool noise(std::string_view name) {
  return name.empty() || name.front() == '$' || name.starts_with(".L") ||
         name.starts_with("__crc_") || name.starts_with("__ksymtab") ||
         name.starts_with("__kstrtab");
}

void read_map(std::string_view text, Symbols& into) {
  while (!text.empty() && into.size() < Symbols::max_symbols) {
    const usize end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    u64 address = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), address, 16);
    const usize at = static_cast<usize>(rest - line.data());
    if (error != std::errc() || at + 3 > line.size() || line[at] != ' ' || line[at + 2] != ' ')
      continue;
    const std::string_view name = line.substr(at + 3);
    into.add(address, line[at + 1], name.substr(0, name.find_first_of(" \t\r")));
  }
}

// The fields of ELF (System V ABI, chapter 4) that lead to the symbol table, of both widths and
// byte orders.
class ElfReader {
 public:
  explicit ElfReader(Bytes file) : file_(file) {
    wide_ = file.size() > 5 && file[4] == 2;
    big_ = file.size() > 5 && file[5] == 2;
  }
  void read(Symbols& into) const;

 private:
  u64 number(u64 offset, unsigned size) const {
    if (offset > file_.size() || file_.size() - offset < size) return 0;
    u64 value = 0;
    for (unsigned i = 0; i < size; ++i)
      value |= u64{file_[static_cast<usize>(offset) + i]} << 8 * (big_ ? size - 1 - i : i);
    return value;
  }
  u64 word(u64 offset, u64 narrow, u64 wide) const {
    return number(offset + (wide_ ? wide : narrow), wide_ ? 8 : 4);
  }
  std::string_view string(u64 table, u64 size, u64 at) const {
    if (at >= size || table > file_.size() || file_.size() - table < size) return {};
    const char* begin = reinterpret_cast<const char*>(file_.data()) + table + at;
    const usize most = static_cast<usize>(std::min<u64>(size - at, longest_name));
    const std::string_view all(begin, most);
    return all.substr(0, all.find('\0'));
  }
  void table(u64 section, u64 strings, Symbols& into) const;

  Bytes file_;
  bool wide_, big_;
};

void ElfReader::table(u64 section, u64 strings, Symbols& into) const {
  const u64 offset = word(section, 16, 24), size = word(section, 20, 32);
  const u64 names = word(strings, 16, 24), names_size = word(strings, 20, 32);
  const u64 entry = wide_ ? 24 : 16;
  for (u64 at = 0; at + entry <= size && into.size() < Symbols::max_symbols; at += entry) {
    const u64 symbol = offset + at;
    if (symbol >= file_.size()) return;
    const u64 info = number(symbol + (wide_ ? 4 : 12), 1), value = word(symbol, 4, 8);
    const u64 index = number(symbol + (wide_ ? 6 : 14), 2);
    if ((info & 15) > 2 || index == 0 || index >= 0xff00) continue;  // NOTYPE, OBJECT, FUNC
    into.add(value, (info & 15) == 1 ? 'd' : 't', string(names, names_size, number(symbol, 4)));
  }
}

void ElfReader::read(Symbols& into) const {
  const u64 sections = word(0, 32, 40);
  const u64 size = number(wide_ ? 58 : 46, 2), count = number(wide_ ? 60 : 48, 2);
  if (size < (wide_ ? 64u : 40u)) return;
  for (u64 i = 0; i < count; ++i) {
    const u64 section = sections + i * size;
    if (number(section + 4, 4) != 2) continue;  // SHT_SYMTAB
    const u64 link = number(section + (wide_ ? 40 : 24), 4);
    if (link < count) table(section, sections + link * size, into);
  }
}

}  // namespace

std::string printable(std::string_view name) {
  std::string plain(name);
  for (char& c : plain)
    if (c <= ' ' || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return plain;
}

void Symbols::add(u64 address, char type, std::string_view name) {
  if (!wanted(type) || noise(name) || address == 0 || entries_.size() >= max_symbols) return;
  name = name.substr(0, longest_name);
  entries_.push_back({address, static_cast<u32>(names_.size()), static_cast<u32>(name.size())});
  names_ += name;
}

void Symbols::finish() { std::ranges::stable_sort(entries_, {}, &Entry::address); }

std::string_view Symbols::name_at(usize i) const {
  return std::string_view(names_).substr(entries_[i].name, entries_[i].length);
}

std::string Symbols::describe(u64 address) const {
  auto next = std::ranges::upper_bound(entries_, address, {}, &Entry::address);
  if (next == entries_.begin()) return {};
  const Entry& found = *std::prev(next);
  if (address - found.address >= furthest) return {};
  const std::string_view name = std::string_view(names_).substr(found.name, found.length);
  return address == found.address ? printable(name)
                                  : text("{}+{:#x}", printable(name), address - found.address);
}

std::optional<u64> Symbols::find(std::string_view name) const {
  for (usize i = 0; i < entries_.size(); ++i)
    if (name_at(i) == name) return entries_[i].address;
  return std::nullopt;
}

Result<Symbols> Symbols::parse(Bytes file) {
  Symbols symbols;
  constexpr u8 magic[] = {0x7f, 'E', 'L', 'F'};
  if (file.size() > 64 && std::equal(std::begin(magic), std::end(magic), file.begin()))
    ElfReader(file).read(symbols);
  else
    read_map({reinterpret_cast<const char*>(file.data()), file.size()}, symbols);
  if (symbols.size() == 0)
    return fail(Error::Kind::image, "there are no symbols in it",
                "give a System.map, an unstripped vmlinux or a copy of /proc/kallsyms (as root: "
                "without privilege all its addresses are 0)");
  symbols.finish();
  return symbols;
}

}  // namespace pv::inspect
