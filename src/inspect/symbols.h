// Symbols: the names of a kernel's functions and variables by address.
//
// Read from System.map or /proc/kallsyms text ("ADDRESS TYPE NAME"), or from the symbol table of an
// ELF file (symbols_elf.cpp). Where a kernel was moved to (KASLR) kernel_names.h knows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace pv::inspect {

// A name of the guest's without what no terminal should see.
std::string printable(std::string_view name);

class Names {
 public:
  virtual ~Names() = default;
  // "name+0x1c"; empty: no symbol within 1 MiB below.
  virtual std::string describe(u64 address) const = 0;
};

class Symbols final : public Names {
 public:
  static constexpr usize max_symbols = 1 << 20;

  // Errors (image): no symbol in it.
  static Result<Symbols> parse(Bytes file);

  void add(u64 address, char type, std::string_view name);
  void finish();  // after the last add()

  usize size() const { return entries_.size(); }
  std::string describe(u64 address) const override;
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
};

}  // namespace pv::inspect
