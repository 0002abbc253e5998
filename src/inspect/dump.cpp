#include "inspect/dump.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/hex.h"
#include "base/text.h"
#include "inspect/dump_json.h"
#include "inspect/dump_names.h"

namespace pv::inspect {
namespace {

using Tokens = std::vector<std::string_view>;

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == ',' || c == ';'; }

// Blanks around '=' belong to nobody: "R8 =00", "IDT=     00".
std::string join_assignments(std::string_view line) {
  std::string joined;
  for (usize i = 0; i < line.size(); ++i) {
    if (line[i] == '=')
      while (!joined.empty() && blank(joined.back())) joined.pop_back();
    joined += line[i];
    if (line[i] == '=')
      while (i + 1 < line.size() && blank(line[i + 1])) ++i;
  }
  return joined;
}

Tokens split(std::string_view line) {
  Tokens tokens;
  usize at = 0;
  while (at < line.size()) {
    while (at < line.size() && blank(line[at])) ++at;
    const usize begin = at;
    while (at < line.size() && !blank(line[at])) ++at;
    if (at > begin) tokens.push_back(line.substr(begin, at - begin));
  }
  return tokens;
}

// What Linux prints for a fault has "x29: VALUE", "sp : VALUE", "GPR00: VALUE ...": the same as
// assignments. An address before a colon is none: code follows it.
std::string colons_to_assignments(const std::string& line) {
  std::string out;
  usize done = 0;
  for (usize colon = line.find(':'); colon != line.npos; colon = line.find(':', colon + 1)) {
    usize end = colon;
    while (end > done && blank(line[end - 1])) --end;
    usize begin = end;
    while (begin > done && !blank(line[begin - 1]) && line[begin - 1] != ']') --begin;
    usize value = colon + 1;
    while (value < line.size() && (blank(line[value]) || line[value] == '[' || line[value] == '<'))
      ++value;
    usize value_end = value;
    while (value_end < line.size() && hex_digit(line[value_end]) >= 0) ++value_end;
    const std::string_view name = std::string_view(line).substr(begin, end - begin);
    if (name.empty() || name.size() > 8 || value_end - value < 8 || name.starts_with("0x"))
      continue;
    out += line.substr(done, end - done) + (name.starts_with("GPR") ? " " : "=") +
           line.substr(value, value_end - value);
    done = value_end;
    while (done < line.size() && (line[done] == '>' || line[done] == ']')) ++done;
  }
  return out + line.substr(done);
}

// Each line of `text`, without its end.
template <class F>
void for_each_line(std::string_view text, F each) {
  while (!text.empty()) {
    const usize end = text.find('\n');
    each(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
}

class Parser {
 public:
  explicit Parser(Arch arch) { dump_.arch = arch; }
  void line(std::string_view words);
  Dump take() { return std::move(dump_); }

 private:
  hv::RegisterFile& cpu();
  bool set(std::string_view name, u64 value);
  void registers(const Tokens& tokens);
  void assignment(std::string_view token, std::span<const std::string_view> after);
  bool segment(std::string_view name, std::span<const std::string_view> words);
  usize general_registers_of_powerpc(const Tokens& tokens, usize at);
  bool memory(const Tokens& tokens);
  void code(std::string_view words);
  bool more_code(const Tokens& tokens);
  void code_at(u64 address, std::span<const std::string_view> words);
  void block(u64 address, std::vector<u8> bytes);

  Dump dump_;
  bool next_cpu_ = false;
  std::optional<u64> code_goes_on_;  // the address of the next line's words, if it has only those
};

// Where a line says that code follows: "code at PC:" and a Linux oops's "Code:", anywhere in it.
// `after`: behind the colon. npos: nowhere.
usize find_code(std::string_view words, usize& after) {
  std::string lower(words);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (std::string_view mark : {"code at pc:", "code:"}) {
    const usize at = lower.find(mark);
    if (at == lower.npos || (at != 0 && lower[at - 1] != ' ' && lower[at - 1] != ',')) continue;
    after = at + mark.size();
    return at;
  }
  return words.npos;
}

bool is_code_word(std::string_view word) {
  return (word.size() == 8 || word.size() == 4 || word.size() == 2) && hex_number(word);
}

hv::RegisterFile& Parser::cpu() {
  if (dump_.cpus.empty() || (next_cpu_ && dump_.cpus.size() < max_cpus))
    dump_.cpus.emplace_back(dump_.arch, hv::register_table(dump_.arch));
  next_cpu_ = false;
  return dump_.cpus.back();
}

bool Parser::set(std::string_view name, u64 value) {
  const std::string ours = dump_names::canonical(dump_.arch, name);
  return !ours.empty() && cpu().set(ours, value);
}

// x86_64's "CS=0010 BASE LIMIT FLAGS" and "GDT=BASE LIMIT".
bool Parser::segment(std::string_view name, std::span<const std::string_view> words) {
  if (dump_.arch != Arch::x86_64 || words.size() < 2) return false;
  if (name == "GDT" || name == "IDT") {
    const std::string table = name == "GDT" ? "gdt" : "idt";
    const auto base = hex_number(words[0]), limit = hex_number(words[1]);
    return base && limit && cpu().set(table + "_base", *base) &&
           cpu().set(table + "_limit", *limit);
  }
  constexpr std::string_view segments[] = {"ES", "CS", "SS", "DS", "FS", "GS", "TR"};
  if (words.size() < 4 || std::ranges::find(segments, name) == std::end(segments)) return false;
  const auto selector = hex_number(words[0]), base = hex_number(words[1]),
             flags = hex_number(words[3]);
  if (!selector || !base || !flags) return false;
  std::string ours(name);
  for (char& c : ours) c = static_cast<char>(c - 'A' + 'a');
  cpu().set(ours, *selector);
  cpu().set(ours + "_base", *base);
  // The upper word of a descriptor, without the base's and the limit's bits.
  cpu().set(ours + "_attributes", ((*flags >> 8) & 0xff) | ((*flags >> 20) & 0xf) << 8);
  return true;
}

// "NAME=VALUE", also "X00=X03=VALUE"; `after`: the words behind it.
void Parser::assignment(std::string_view token, std::span<const std::string_view> after) {
  const usize last = token.rfind('=');
  std::vector<std::string_view> words = {token.substr(last + 1)};
  for (std::string_view word : after.first(std::min<usize>(after.size(), 3))) words.push_back(word);
  const auto value = hex_number(words[0]);
  std::string_view names = token.substr(0, last);
  while (!names.empty()) {
    const usize end = names.find('=');
    const std::string_view one = names.substr(0, end);
    if (!segment(one, words) && value) set(one, *value);
    names = end == names.npos ? std::string_view() : names.substr(end + 1);
  }
}

// "GPR04 V V V V": how many words that was, 0: something else.
usize Parser::general_registers_of_powerpc(const Tokens& tokens, usize at) {
  const std::string_view name = tokens[at];
  if (dump_.arch != Arch::powerpc || !name.starts_with("GPR")) return 0;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(name.data() + 3, name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return 0;
  usize taken = 1;
  for (; at + taken < tokens.size() && number < 32; ++taken, ++number) {
    const auto value = hex_number(tokens[at + taken]);
    if (!value) break;
    set(text("r{}", number), *value);
  }
  return taken;
}

void Parser::registers(const Tokens& tokens) {
  for (usize i = 0; i < tokens.size();) {
    if (tokens[i].find('=') != std::string_view::npos) {
      assignment(tokens[i], std::span(tokens).subspan(i + 1));
      ++i;
    } else if (const usize taken = general_registers_of_powerpc(tokens, i); taken != 0) {
      i += taken;
    } else if (i + 1 < tokens.size() &&
               (tokens[i + 1].size() >= 8 || (i == 0 && tokens[1].starts_with("0x")))) {
      // "pc   ffffffff80004d7a": only with a value that is surely one; gdb's "x0  0x0  0".
      const auto value = hex_number(tokens[i + 1]);
      i += value && set(tokens[i], *value) ? 2 : 1;
    } else {
      ++i;
    }
  }
}

void Parser::block(u64 address, std::vector<u8> bytes) {
  if (bytes.empty() || dump_.memory.size() >= max_blocks) return;
  bytes.resize(std::min(bytes.size(), max_block));
  dump_.memory.push_back({address, std::move(bytes)});
}

// Words of 8, 4 or 2 digits up to the first that is none (an instruction's name): 8 and 4 are
// numbers as the CPU fetches them, 2 a byte.
void Parser::code_at(u64 address, std::span<const std::string_view> words) {
  std::vector<u8> bytes;
  const bool big = big_endian(dump_.arch);
  for (std::string_view word : words) {
    if (word.starts_with("0x")) word.remove_prefix(2);
    while (word.ends_with('.') || word.ends_with(',')) word.remove_suffix(1);  // of a sentence
    const usize size = word.size() / 2;
    const auto value = hex_number(word);
    if (!value || (word.size() != 8 && word.size() != 4 && word.size() != 2)) break;
    for (usize i = 0; i < size; ++i)
      bytes.push_back(static_cast<u8>(*value >> 8 * (big ? size - 1 - i : i)));
  }
  block(address, std::move(bytes));
}

// "0xffffffc010010a34: 8b2063ff add sp, sp, x0"
bool Parser::memory(const Tokens& tokens) {
  if (tokens.size() < 2 || tokens[0].size() < 6 || !tokens[0].ends_with(':')) return false;
  const auto address = hex_number(tokens[0].substr(0, tokens[0].size() - 1));
  if (!address) return false;
  code_at(*address, std::span(tokens).subspan(1));
  return true;
}

// The words behind "code at PC:" or "Code:"; the one at the PC may stand in brackets.
void Parser::code(std::string_view words) {
  Tokens tokens = split(words);
  u64 before = 0;  // bytes in front of the PC
  u64 bytes = 0;
  for (std::string_view& token : tokens) {
    if (token.size() > 2 && (token.front() == '(' || token.front() == '<')) {
      before = bytes;
      token = token.substr(1, token.size() - 2);
    }
    bytes += token.size() / 2;
  }
  if (dump_.cpus.empty()) return;
  const auto pc = dump_.cpus.back().get(hv::program_counter(dump_.arch));
  if (!pc) return;
  code_at(*pc - before, tokens);
  code_goes_on_ = *pc - before + bytes;
}

// A line of nothing but code words behind one that announced them.
bool Parser::more_code(const Tokens& tokens) {
  if (!code_goes_on_ || !is_code_word(tokens[0])) return false;
  code_at(*code_goes_on_, tokens);
  for (std::string_view token : tokens) *code_goes_on_ += token.size() / 2;
  return true;
}

void Parser::line(std::string_view words) {
  while (words.starts_with('>') || words.starts_with(' ')) words.remove_prefix(1);  // quoted mail
  usize after = 0;
  const usize code_begin = find_code(words, after);
  std::string front(words.substr(0, code_begin));
  if (code_begin != words.npos) std::ranges::replace(front, ',', ' ');
  const std::string joined = colons_to_assignments(join_assignments(front));
  const Tokens tokens = split(joined);
  if (tokens.size() == 1 && tokens[0].starts_with("CPU#")) {
    next_cpu_ = true;
    return;
  }
  if (!tokens.empty()) {
    if (more_code(tokens)) return;
    code_goes_on_.reset();
    if (!memory(tokens)) registers(tokens);
  }
  if (code_begin != words.npos) code(words.substr(after));
}

bool is_json(std::string_view text) {
  const usize first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{';
}

// The first register that only one architecture has decides.
std::optional<Arch> arch_of(std::string_view text) {
  std::optional<Arch> found;
  // What is assigned counts first: prose around a dump may name any architecture's registers.
  for (bool assigned : {true, false})
    for_each_line(text, [&](std::string_view words) {
      if (found) return;
      const std::string joined = colons_to_assignments(join_assignments(words));
      for (std::string_view token : split(joined)) {
        const usize equals = token.find('=');
        if (!found && (equals != token.npos || !assigned))
          found = dump_names::betrays(token.substr(0, equals));
      }
    });
  return found;
}

// Whether it has what looks like a program counter, whatever the architecture.
bool names_pc(std::string_view text) {
  bool found = false;
  for_each_line(text, [&](std::string_view words) {
    const std::string joined = join_assignments(words);
    for (std::string_view token : split(joined))
      found = found || token.starts_with("PC=") || token.starts_with("pc=");
  });
  return found;
}

constexpr std::string_view hint =
    "it reads what QEMU's monitor prints for \"info registers\" and \"x/8wx\", lines of "
    "NAME=VALUE, "
    "and what diagnose --json prints";

Result<Dump> parse_text(std::string_view text) {
  const auto arch = arch_of(text);
  if (!arch && names_pc(text))
    return fail(Error::Kind::image, "the dump does not tell of which architecture it is",
                "add registers that only one has: PSTATE, mstatus, MSR and NIP, or RIP");
  if (!arch) return fail(Error::Kind::image, "no register dump was found in it", std::string(hint));
  Parser parser(*arch);
  for_each_line(text, [&](std::string_view words) { parser.line(words); });
  return parser.take();
}

}  // namespace

Result<Dump> parse_dump(std::string_view text) {
  if (text.size() > max_dump)
    return fail(Error::Kind::image, "the dump is larger than 4 MiB",
                "give it the registers only, without a memory image");
  Dump dump = TRY(is_json(text) ? parse_json_dump(text) : parse_text(text));
  std::erase_if(dump.cpus, [&](const hv::RegisterFile& file) {
    return !file.get(hv::program_counter(dump.arch));
  });
  if (dump.cpus.empty())
    return fail(Error::Kind::image, "the dump does not say where the program counter is",
                "Linux tells it by a name: look that up (System.map, addr2line), and add a line "
                "PC=ADDRESS before the code; otherwise " +
                    std::string(hint));
  return dump;
}

DumpSubject::DumpSubject(Dump dump, std::string what) : dump_(std::move(dump)) {
  facts_.arch = dump_.arch;
  facts_.cpus = static_cast<unsigned>(dump_.cpus.size());
  facts_.what = std::move(what);
}

Result<hv::RegisterFile> DumpSubject::sample(unsigned cpu) {
  if (cpu >= dump_.cpus.size())
    return fail(Error::Kind::usage, text("the dump has no CPU {}", cpu));
  return dump_.cpus[cpu];
}

bool DumpSubject::read_virtual(const hv::RegisterFile&, u64 address, MutableBytes into) {
  // Byte by byte: lines of four bytes each are blocks of their own.
  for (usize i = 0; i < into.size(); ++i) {
    const auto block = std::ranges::find_if(dump_.memory, [&](const CodeBlock& candidate) {
      return address + i - candidate.address < candidate.bytes.size();
    });
    if (block == dump_.memory.end()) return false;
    into[i] = block->bytes[static_cast<usize>(address + i - block->address)];
  }
  return true;
}

}  // namespace pv::inspect
