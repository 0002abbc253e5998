// Symbols: the names of a kernel's functions and variables by address.
//
// Read from System.map or /proc/kallsyms text ("ADDRESS TYPE NAME"), or from the symbol table of an
// ELF file (symbols_elf.cpp). A kernel that was moved (KASLR) is met by slide().
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace pv::inspect {

class Symbols {
 public:
  static constexpr usize max_symbols = 1 << 20;

  // Errors (image): no symbol in it.
  static Result<Symbols> parse(Bytes file);

  void add(u64 address, char type, std::string_view name);
  void finish();  // after the last add()
  void slide(u64 by) { slide_ += by; }

  usize size() const { return entries_.size(); }
  // "name+0x1c"; empty: no symbol within 1 MiB below.
  std::string describe(u64 address) const;
  std::optional<u64> find(std::string_view name) const;
  std::string_view name_at(usize i) const;

 private:
  struct Entry {
    u64 address;
    u32 name;  // in names_
    u32 length;
  };
  std::string names_;
  std::vector<Entry> entries_;  // by address
  u64 slide_ = 0;
};

}  // namespace pv::inspect
