#include "inspect/aarch64/ventry.h"

#include <span>

namespace pv::inspect::aarch64 {
namespace {

struct Pattern {
  u32 mask, value;
};
constexpr u32 all = ~0u;
constexpr Pattern add_sp_x0 = {all, 0x8b2063ff}, sub_x0_sp = {all, 0xcb2063e0},
                  sub_sp_x0 = {all, 0xcb2063ff};

// From where the per-CPU offset is added to the overflow stack's address (adr_this_cpu).
constexpr Pattern overflow_end[] = {
    add_sp_x0,
    {all, 0xd53bd040},           // mrs x0, tpidr_el0: the sp of the interrupted context
    sub_x0_sp,                   // its distance from the overflow stack's top
    {0xffc0'03ff, 0xf240'001f},  // tst x0, #~(OVERFLOW_STACK_SIZE - 1)
    {0xff00'001f, 0x5400'0001},  // b.ne __bad_stack
    sub_sp_x0,
    {all, 0xd53bd060},  // mrs x0, tpidrro_el0
};
constexpr Pattern overflow_begin[] = {
    {all, 0xd51bd040},  // msr tpidr_el0, x0
    sub_x0_sp,
    {all, 0xd51bd060},  // msr tpidrro_el0, x0
};
constexpr Pattern entry[] = {
    add_sp_x0, sub_x0_sp, {0xfff8'001f, 0x3700'0000},  // tbnz x0, #THREAD_SHIFT
    sub_x0_sp, sub_sp_x0,
};
constexpr u32 read_offset_el1 = 0xd538d080;  // mrs x0, tpidr_el1

// Of a dump, only some words around the PC are known: those have to be the pattern's, and enough of
// them to be no coincidence. Every pattern has that many.
constexpr usize fewest_known = 3;

bool matches(std::span<const Pattern> pattern, u64 at, const ReadWord& word) {
  usize known = 0;
  for (const Pattern& one : pattern) {
    const auto value = word(at);
    if (value && (*value & one.mask) != one.value) return false;
    if (value) ++known;
    at += 4;
  }
  return known >= fewest_known;
}

// Where `pattern` begins at most `before` instructions before `pc` and `after` behind it.
std::optional<u64> find(std::span<const Pattern> pattern, u64 pc, u64 before, u64 after,
                        const ReadWord& word) {
  for (u64 at = pc - 4 * before; at != pc + 4 * (after + 1); at += 4)
    if (matches(pattern, at, word)) return at;
  return std::nullopt;
}

}  // namespace

std::optional<Ventry> find_ventry(u64 pc, const ReadWord& word) {
  Ventry found;
  if (const auto at = find(overflow_end, pc, std::size(overflow_end), 8, word)) {
    found.part = pc > *at ? Ventry::Part::switched : Ventry::Part::overflow;
    found.begin = *at;
    found.add_offset = *at;
    const auto before = word(*at - 4);
    found.offset_read_seen = before == read_offset_el1;
    return found;
  }
  if (const auto at = find(overflow_begin, pc, 8, 0, word)) {
    found.part = Ventry::Part::overflow;
    found.begin = *at;
    return found;
  }
  if (const auto at = find(entry, pc, std::size(entry), 1, word)) {
    found.begin = *at;
    return found;
  }
  return std::nullopt;
}

}  // namespace pv::inspect::aarch64
