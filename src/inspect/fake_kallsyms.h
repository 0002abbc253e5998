// The tables of a kernel's names as scripts/kallsyms.c lays them out, for tests: see kallsyms.h.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"

namespace pv::inspect {

struct FakeSymbol {
  u64 address;
  std::string name;  // with its type before it
};

struct KallsymsForm {
  unsigned word = 8;
  bool big = false;
  bool newer = false;   // addresses behind the tokens
  bool percpu = false;  // x86_64's offsets
};

class KallsymsWriter {
 public:
  explicit KallsymsWriter(KallsymsForm form) : form_(form) {}

  std::vector<u8> write(const std::vector<FakeSymbol>& symbols) {
    if (!form_.newer) addresses(symbols);
    number(symbols.size(), 4);
    pad();
    const auto markers = names(symbols);
    pad();
    for (u64 marker : markers) number(marker, 4);
    pad();
    tokens();
    if (form_.newer) addresses(symbols);
    return std::move(bytes_);
  }

 private:
  void number(u64 value, unsigned size) {
    for (unsigned i = 0; i < size; ++i)
      bytes_.push_back(static_cast<u8>(value >> 8 * (form_.big ? size - 1 - i : i)));
  }
  void pad() {
    while (bytes_.size() % form_.word != 0) bytes_.push_back(0);
  }
  void addresses(const std::vector<FakeSymbol>& symbols) {
    const u64 half = u64{1} << (8 * form_.word - 1);
    u64 base = 0;
    for (const FakeSymbol& one : symbols)
      if (base == 0 && one.address >= half) base = one.address;
    for (const FakeSymbol& one : symbols)
      number(!form_.percpu         ? one.address - base
             : one.address >= half ? 0xffff'ffff - (one.address - base)
                                   : one.address,
             4);
    pad();
    number(base, form_.word);
  }
  // One token stands for "function_", all others for themselves.
  std::vector<u64> names(const std::vector<FakeSymbol>& symbols) {
    std::vector<u64> markers;
    const usize begin = bytes_.size();
    for (usize i = 0; i < symbols.size(); ++i) {
      if (i % 256 == 0) markers.push_back(bytes_.size() - begin);
      std::vector<u8> packed;
      const std::string& name = symbols[i].name;
      for (usize at = 0; at < name.size();) {
        const bool known = name.compare(at, word_.size(), word_) == 0;
        packed.push_back(known ? u8{1} : static_cast<u8>(name[at]));
        at += known ? word_.size() : 1;
      }
      if (packed.size() > 0x7f) {
        bytes_.push_back(static_cast<u8>(0x80 | (packed.size() & 0x7f)));
        bytes_.push_back(static_cast<u8>(packed.size() >> 7));
      } else {
        bytes_.push_back(static_cast<u8>(packed.size()));
      }
      bytes_.insert(bytes_.end(), packed.begin(), packed.end());
    }
    return markers;
  }
  void tokens() {
    std::vector<u64> index;
    const usize begin = bytes_.size();
    for (unsigned i = 0; i < 256; ++i) {
      index.push_back(bytes_.size() - begin);
      const std::string token = i == 1   ? word_
                                : i == 0 ? "_0"
                                         : std::string(1, static_cast<char>(i));
      bytes_.insert(bytes_.end(), token.begin(), token.end());
      bytes_.push_back(0);
    }
    pad();
    for (u64 one : index) number(one, 2);
    pad();
  }

  const std::string word_ = "function_";
  KallsymsForm form_;
  std::vector<u8> bytes_;
};

inline std::vector<u8> kallsyms_tables(const std::vector<FakeSymbol>& symbols, KallsymsForm form) {
  return KallsymsWriter(form).write(symbols);
}

}  // namespace pv::inspect
