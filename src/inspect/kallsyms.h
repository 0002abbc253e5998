// The names that a Linux guest carries in its own memory: the tables of kernel/kallsyms.c, found
// and read without symbols.
//
// scripts/kallsyms.c packs the names into bytes that stand for pieces of text; 256 pieces are the
// token table, in which the digits stand in a row: that is what the search looks for. Around it lie
// (Linux 4.20 to 6.6; later ones have the addresses behind the tokens):
//   offsets (32 bits each, from the base), the base, the number of symbols, the names (a length and
//   so many tokens, the first character is the type), where each 256th name begins, the tokens,
//   where each token begins.
// Absent: kernels with absolute addresses in the table (CONFIG_KALLSYMS_BASE_RELATIVE=n), modules.
// All of it belongs to the guest: each table is checked before use and every walk is bounded.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "inspect/guest_words.h"
#include "inspect/subject.h"
#include "inspect/symbols.h"

namespace pv::inspect {

class Kallsyms final : public Names {
 public:
  // `go_on` is asked now and then; false ends the search. `subject` outlives what is returned.
  // `kernel` is a guest-physical address in it, looked around first.
  static std::optional<Kallsyms> find(Subject& subject, u64 kernel,
                                      const std::function<bool()>& go_on);

  usize size() const { return count_; }
  // A few pages are read for each answer; names are not kept.
  std::string describe(u64 address) const override;
  // The symbol at or before `address`, and its address.
  struct Symbol {
    std::string name;
    u64 address;
  };
  std::optional<Symbol> at(u64 address) const;
  // By looking at all names; nullopt also where the kernel lists functions only.
  std::optional<u64> address_of(std::string_view name) const;

 private:
  explicit Kallsyms(GuestWords memory) : memory_(std::move(memory)) {}
  bool read_tokens(u64 digits);
  bool find_names();
  bool names_before(u64 markers, usize marker_count, u64 last_marker);
  bool names_at(u64 names, u64 markers, u64 last_marker);
  bool find_addresses();
  bool addresses_at(u64 offsets, u64 base);
  std::optional<u64> address(usize i) const;
  std::optional<u64> skip(u64 at, usize names) const;
  // The name at `at` with its type before it, and where the next begins.
  std::optional<std::string> expand(u64 at, u64& next) const;

  mutable GuestWords memory_;
  std::array<std::string, 256> tokens_;
  u64 token_table_ = 0, token_index_ = 0;
  u64 names_ = 0, markers_ = 0, offsets_ = 0, base_ = 0;
  usize count_ = 0;
  bool percpu_ = false;  // positive offsets are absolute, negative ones relative (x86_64)
};

}  // namespace pv::inspect
