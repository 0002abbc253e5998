#include "inspect/aarch64/complete.h"

#include <algorithm>
#include <array>

#include "base/endian.h"
#include "base/text.h"
#include "inspect/aarch64/elements.h"
#include "inspect/aarch64/page_walk.h"

namespace pv::inspect::aarch64 {
namespace {

using Kind = Completion::Kind;
using Writeback = LoadStore::Writeback;

constexpr u64 page = 4096;  // the smallest granule: within it addresses follow one another
constexpr u64 page_of(u64 address) { return address & ~(page - 1); }

class Completer {
 public:
  Completer(const Undescribed& exit, Registers& registers, Physical& memory)
      : exit_(exit), registers_(registers), memory_(memory) {}

  Result<Completion> run();

 private:
  // What a step found: nothing (go on), or how it ends.
  using Step = Result<std::optional<Completion>>;

  Result<u64> get(usize index) {
    hv::RegisterValue value = TRY(registers_.read(index));
    return value.low;
  }
  Result<u64> general(u8 number) { return number == register_31 ? Result<u64>(0) : get(number); }
  usize slot_place(const LoadStore& a, unsigned slot) const;

  Step fetch();
  Step judge(const Decoded& d);
  Step find(const LoadStore& a);
  Step find_page(const LoadStore& a, unsigned which, u64 address);
  Result<DataAbort> abort_of(const Decoded& d);
  std::optional<Completion> out_of_reach(const Decoded& d);
  Result<u64> effective_address(const LoadStore& a);
  Result<void> gather(const LoadStore& a);
  Result<void> scatter(const LoadStore& a);
  Result<void> step_over(const LoadStore& a);
  void transfer(const LoadStore& a);
  void move(u64 offset, unsigned size, bool load);

  Completion end(Kind kind, std::string reason = {}) const {
    return {kind, pc_, instruction_, std::move(reason), {}};
  }
  u64 physical(u64 offset) const {
    u64 at = address_ + offset;
    return pages_[page_of(at) == page_of(address_) ? 0 : 1] | (at & (page - 1));
  }
  bool big_endian() const { return (sctlr_ >> (user() ? 24 : 25) & 1) != 0; }  // E0E, EE
  bool writes() const { return (exit_.syndrome >> 6 & 1) != 0; }               // WnR
  bool user() const { return (pstate_ >> 2 & 3) == 0; }

  const Undescribed& exit_;
  Registers& registers_;
  Physical& memory_;
  ReadPhysical read_ram_ = [this](u64 at, MutableBytes into) { return memory_.read_ram(at, into); };
  TranslationRegisters translation_;
  u64 pc_ = 0, pstate_ = 0, sctlr_ = 0;
  u32 instruction_ = 0;
  u64 base_ = 0, address_ = 0;  // virtual
  u64 moved_base_ = 0;          // what write-back leaves
  std::array<u64, 2> pages_{};  // guest-physical, of the access's first and second page
  MemoryBytes data_{};
};

usize Completer::slot_place(const LoadStore& a, unsigned slot) const {
  bool pair = a.layout == LoadStore::Layout::whole && slot == 1;
  unsigned number = pair ? a.rt2 : (a.rt + slot) % 32u;
  return (a.vector ? place("v0") : 0) + number;
}

Completer::Step Completer::fetch() {
  pc_ = TRY(get(place("pc")));
  pstate_ = TRY(get(place("cpsr")));
  sctlr_ = TRY(get(place("sctlr_el1")));
  if ((pstate_ & 0x10) != 0) {
    Completion refused = end(Kind::refused, "it is 32-bit (AArch32) code");
    if ((pstate_ & 0xf) == 0) refused.abort = DataAbort{external_abort, writes(), {}};
    return refused;
  }
  if ((pstate_ >> 2 & 3) > 1) return end(Kind::refused, "the guest runs at EL2");
  translation_.sctlr_el1 = sctlr_;
  if ((sctlr_ & 1) != 0) {
    translation_.tcr_el1 = TRY(get(place("tcr_el1")));
    translation_.ttbr0_el1 = TRY(get(place("ttbr0_el1")));
    translation_.ttbr1_el1 = TRY(get(place("ttbr1_el1")));
  }
  auto code = Walk(translation_, read_ram_).look_up(pc_, true);
  std::array<u8, 4> raw;
  if (!code || !memory_.read_ram(code->physical, raw)) return end(Kind::again);
  instruction_ = load_as<Le32>(raw, 0);
  return std::nullopt;
}

// What a guest can be told about an instruction that is refused. Exclusives and atomics have their
// address in the base register alone.
Result<DataAbort> Completer::abort_of(const Decoded& d) {
  DataAbort abort{external_abort, writes(), {}};
  if (d.kind != aarch64::Kind::exclusive && d.kind != aarch64::Kind::atomic) return abort;
  u8 base = static_cast<u8>(instruction_ >> 5 & 31);
  abort.status = unsupported_exclusive;
  abort.address = TRY(get(base == register_31 ? place("sp") : base));
  return abort;
}

Completer::Step Completer::judge(const Decoded& d) {
  using aarch64::Kind;
  if (d.kind == Kind::access) return std::nullopt;
  // Neither is told to a hypervisor as a data abort: the code has changed meanwhile.
  if (d.kind == Kind::prefetch || d.kind == Kind::other) return end(Completion::Kind::again);
  std::string reason = d.kind == Kind::unallocated
                           ? text("it is {}", describe(d.kind))
                           : text("{} is {}", d.name.text(), describe(d.kind));
  Completion refused = end(Completion::Kind::refused, std::move(reason));
  refused.abort = TRY(abort_of(d));
  return refused;
}

Result<u64> Completer::effective_address(const LoadStore& a) {
  if (a.address == LoadStore::Address::literal) return pc_ + static_cast<u64>(a.offset);
  base_ = TRY(get(a.rn == register_31 ? place("sp") : a.rn));
  u64 offset = static_cast<u64>(a.offset);
  if (a.address == LoadStore::Address::indexed) {
    offset = TRY(general(a.rm));
    if (a.index_word) {
      offset &= 0xffff'ffff;
      if (a.index_signed) offset = static_cast<u64>(static_cast<i64>(static_cast<i32>(offset)));
    }
    offset <<= a.shift;
  }
  moved_base_ = base_ + offset;
  return a.writeback == Writeback::after ? base_ : moved_base_;
}

// A page that the abort did not name: as the guest's tables have it.
Completer::Step Completer::find_page(const LoadStore& a, unsigned which, u64 address) {
  Steps steps;
  auto found = Walk(translation_, read_ram_).look_up(address, false, &steps);
  DataAbort abort{0, !a.load, address};
  if (found) {
    pages_[which] = page_of(found->physical);
    bool unprivileged = user() || a.unprivileged;
    bool never = !unprivileged && (pstate_ >> 22 & 1) != 0 && found->user.read;  // PAN
    const Rights& rights = unprivileged ? found->user : found->kernel;
    if (!never && (a.load ? rights.read : rights.write)) return std::nullopt;
    int level = steps.all().empty() ? 0 : steps.all().back().level;
    abort.status = Fault{Fault::Kind::permission, level, 0, ""}.status();
  } else {
    abort.status = found.error().status();
  }
  TRY(take(abort, registers_));
  return end(Kind::faulted);
}

// The physical pages of the access. The one that faulted is known without any table.
Completer::Step Completer::find(const LoadStore& a) {
  address_ = TRY(effective_address(a));
  u64 into = (exit_.address - address_) & (page - 1);
  if (into >= a.bytes() || writes() == a.load) return end(Kind::again);
  u64 first = page_of(address_), last = page_of(address_ + a.bytes() - 1);
  u64 faulted = page_of(address_ + into);
  pages_[faulted == first ? 0 : 1] = page_of(exit_.address);
  if (last == first) return std::nullopt;
  u64 other = faulted == first ? last : address_;
  return find_page(a, faulted == first ? 1 : 0, other);
}

Result<void> Completer::gather(const LoadStore& a) {
  RegisterValues values{};
  for (unsigned slot = 0; slot < a.registers; ++slot) {
    usize from = slot_place(a, slot);
    if (a.vector || from != register_31) values[slot] = TRY(registers_.read(from));
  }
  store(a, values, big_endian(), data_);
  return {};
}

Result<void> Completer::scatter(const LoadStore& a) {
  RegisterValues values{};
  for (unsigned slot = 0; slot < a.registers && a.layout == LoadStore::Layout::lane; ++slot)
    values[slot] = TRY(registers_.read(slot_place(a, slot)));
  load(a, data_, big_endian(), values);
  for (unsigned slot = 0; slot < a.registers; ++slot) {
    usize to = slot_place(a, slot);
    if (a.vector || to != register_31) TRY(registers_.write(to, values[slot]));
  }
  return {};
}

// `size` bytes at `offset`, which lie in one page.
void Completer::move(u64 offset, unsigned size, bool load) {
  u64 at = physical(offset);
  MutableBytes bytes = MutableBytes(data_).subspan(static_cast<usize>(offset), size);
  if (load ? memory_.read_ram(at, bytes) : memory_.write_ram(at, bytes)) return;
  u64 value = 0;
  if (load) {
    value = memory_.read_device(at, size);
    for (usize i = 0; i < size; ++i) bytes[i] = static_cast<u8>(value >> 8 * i);
  } else {
    for (usize i = 0; i < size; ++i) value |= u64{bytes[i]} << 8 * i;
    memory_.write_device(at, size, value);
  }
}

void Completer::transfer(const LoadStore& a) {
  unsigned chunk = std::min(a.element_bytes(), 8u);
  for (u64 offset = 0; offset < a.bytes(); offset += chunk) {
    u64 at = address_ + offset;
    if (page_of(at) == page_of(at + chunk - 1)) {
      move(offset, chunk, a.load);
      continue;
    }
    for (u64 i = 0; i < chunk; ++i) move(offset + i, 1, a.load);
  }
}

// As after any instruction: also an armed single-step (PSTATE.SS) and a branch target's mark
// (BTYPE) are used up.
Result<void> Completer::step_over(const LoadStore& a) {
  constexpr u64 ss = 1u << 21, btype = 3u << 10;
  bool keeps_loaded = a.load && !a.vector && a.unpredictable() &&
                      (a.rt == a.rn || (a.registers == 2 && a.rt2 == a.rn));
  if (a.writeback != Writeback::none && !keeps_loaded)
    TRY(registers_.write(a.rn == register_31 ? place("sp") : a.rn, {moved_base_, 0}));
  if ((pstate_ & (ss | btype)) != 0)
    TRY(registers_.write(place("cpsr"), {pstate_ & ~(ss | btype), 0}));
  return registers_.write(place("pc"), {pc_ + 4, 0});
}

// Interrupt controllers in the kernel answer accesses that the processor has described, no others.
std::optional<Completion> Completer::out_of_reach(const Decoded& d) {
  for (u64 at : {physical(0), physical(d.access.bytes() - 1)}) {
    const char* name = memory_.in_kernel(at);
    if (name == nullptr) continue;
    Completion refused = end(Kind::refused, text("{} accesses the {}, which the kernel emulates "
                                                 "for plain loads and stores only",
                                                 d.name.text(), name));
    refused.abort = DataAbort{external_abort, !d.access.load, address_};
    return refused;
  }
  return std::nullopt;
}

Result<Completion> Completer::run() {
  if (auto ended = TRY(fetch())) return *ended;
  Decoded d = decode(instruction_);
  if (auto ended = TRY(judge(d))) return *ended;
  const LoadStore& a = d.access;
  if (auto ended = TRY(find(a))) return *ended;
  if (auto ended = out_of_reach(d)) return *ended;
  if (!a.load) TRY(gather(a));
  transfer(a);
  if (a.load) TRY(scatter(a));
  TRY(step_over(a));
  return end(Kind::done);
}

}  // namespace

Result<Completion> complete(const Undescribed& exit, Registers& registers, Physical& memory) {
  return Completer(exit, registers, memory).run();
}

}  // namespace pv::inspect::aarch64
