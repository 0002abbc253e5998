#include "device/plic.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "device/state.h"

namespace pv::device {
namespace {

// Chapter "Memory Map" of the specification.
constexpr u32 pending_base = 0x1000;
constexpr u32 enable_base = 0x2000, enable_stride = 0x80;
constexpr u32 context_base = 0x20'0000, context_stride = 0x1000;
constexpr u32 threshold_offset = 0, claim_offset = 4;
constexpr u32 priority_mask = 7;
constexpr u8 state_version = 1;

template <class Bits>
bool test(const Bits& bits, u32 n) {
  return (bits[n / 32] >> (n % 32)) & 1;
}
template <class Bits>
void assign(Bits& bits, u32 n, bool value) {
  const u32 mask = 1u << (n % 32);
  if (value)
    bits[n / 32] |= mask;
  else
    bits[n / 32] &= ~mask;
}

}  // namespace

class Plic::Input final : public hv::IrqLine {
 public:
  Input(Plic& plic, u32 number) : plic_(plic), number_(number) {}
  void set(bool level) override { plic_.drive(number_, level); }

 private:
  Plic& plic_;
  u32 number_;
};

Plic::Plic(u32 sources, std::vector<ExternalInterrupt*> outputs) : sources_(sources) {
  CHECK(sources_ >= 1 && sources_ <= max_sources);
  contexts_.resize(outputs.size());
  for (usize i = 0; i < outputs.size(); ++i) contexts_[i].output = outputs[i];
}

Plic::~Plic() = default;

hv::IrqLine& Plic::source(u32 number, Trigger trigger) {
  CHECK(valid(number));
  std::lock_guard lock(state_mutex_);
  assign(edge_, number, trigger == Trigger::edge);
  if (!inputs_[number]) inputs_[number] = std::make_unique<Input>(*this, number);
  return *inputs_[number];
}

// The gateway. A request once forwarded stays pending though the level falls ("Interrupt
// Gateways").
void Plic::drive(u32 source, bool level) {
  std::lock_guard lock(state_mutex_);
  if (level == test(lines_, source)) return;
  assign(lines_, source, level);
  if (!level) return;
  if (!test(served_, source)) {
    assign(pending_, source, true);
    update();
  } else if (test(edge_, source)) {
    assign(latched_, source, true);
  }
}

// The enabled pending source of the highest priority above the threshold, the lowest number among
// equals; 0 when there is none.
u32 Plic::best(const Context& context) const {
  u32 found = 0;
  u32 found_priority = context.threshold;
  for (u32 word = 0; word < words; ++word) {
    for (u32 rest = pending_[word] & context.enable[word]; rest != 0; rest &= rest - 1) {
      const u32 n = word * 32 + static_cast<u32>(std::countr_zero(rest));
      if (priority_[n] > found_priority) {
        found = n;
        found_priority = priority_[n];
      }
    }
  }
  return found;
}

void Plic::update() {
  for (Context& context : contexts_) {
    const bool level = best(context) != 0;
    if (level == context.level) continue;
    context.level = level;
    if (context.output != nullptr) context.output->set(level);
  }
}

// Claiming is not affected by the threshold ("Interrupt Claim Process").
u32 Plic::claim(Context& context) {
  Context any = context;
  any.threshold = 0;
  const u32 source = best(any);
  if (source == 0) return 0;
  assign(pending_, source, false);
  assign(served_, source, true);
  update();
  return source;
}

// Ignored unless the source is enabled for the context ("Interrupt Completion").
void Plic::complete(const Context& context, u32 source) {
  if (!valid(source) || !test(context.enable, source) || !test(served_, source)) return;
  assign(served_, source, false);
  const bool again = test(edge_, source) ? test(latched_, source) : test(lines_, source);
  assign(latched_, source, false);
  if (again) assign(pending_, source, true);
  update();
}

u32 Plic::read_context(u32 offset) {
  const u32 index = offset / context_stride;
  if (index >= contexts_.size()) return 0;
  Context& context = contexts_[index];
  switch (offset % context_stride) {
    case threshold_offset: return context.threshold;
    case claim_offset: return claim(context);
    default: return 0;
  }
}

u64 Plic::read(bus::Access access) {
  if (access.width != bus::Width::word || access.offset % 4 != 0) return 0;
  std::lock_guard lock(state_mutex_);
  if (access.offset >= size) return 0;
  const u32 offset = static_cast<u32>(access.offset);
  if (offset < pending_base) return offset / 4 <= sources_ ? priority_[offset / 4] : 0u;
  if (offset < enable_base) {
    const u32 word = (offset - pending_base) / 4;
    return word < words ? pending_[word] : 0u;
  }
  if (offset < context_base) {
    const u32 index = (offset - enable_base) / enable_stride;
    const u32 word = (offset - enable_base) % enable_stride / 4;
    if (index >= contexts_.size() || word >= words) return 0;
    return contexts_[index].enable[word];
  }
  return read_context(offset - context_base);
}

void Plic::write_context(u32 offset, u32 value) {
  const u32 index = offset / context_stride;
  if (index >= contexts_.size()) return;
  Context& context = contexts_[index];
  switch (offset % context_stride) {
    case threshold_offset:
      context.threshold = value & priority_mask;
      update();
      break;
    case claim_offset: complete(context, value); break;
    default: break;
  }
}

void Plic::write(bus::Access access, u64 value64) {
  if (access.width != bus::Width::word || access.offset % 4 != 0) return;
  std::lock_guard lock(state_mutex_);
  const u32 value = static_cast<u32>(value64);
  if (access.offset >= size) return;
  const u32 offset = static_cast<u32>(access.offset);
  if (offset < pending_base) {
    if (offset / 4 > sources_ || offset == 0) return;
    priority_[offset / 4] = static_cast<u8>(value & priority_mask);
    update();
  } else if (offset < enable_base) {
    return;  // pending bits are read-only
  } else if (offset < context_base) {
    const u32 index = (offset - enable_base) / enable_stride;
    const u32 word = (offset - enable_base) % enable_stride / 4;
    if (index >= contexts_.size() || word >= words) return;
    u32 exists = 0;
    for (u32 bit = 0; bit < 32; ++bit)
      if (valid(word * 32 + bit)) exists |= 1u << bit;
    contexts_[index].enable[word] = value & exists;
    update();
  } else {
    write_context(offset - context_base, value);
  }
}

void Plic::save(StateWriter& out) const {
  std::lock_guard lock(state_mutex_);
  out.put8(state_version);
  out.put32(sources_);
  out.put32(static_cast<u32>(contexts_.size()));
  for (u32 n = 1; n <= sources_; ++n) out.put8(priority_[n]);
  for (const Bits* bits : {&lines_, &pending_, &served_, &latched_})
    for (u32 word : *bits) out.put32(word);
  for (const Context& context : contexts_) {
    for (u32 word : context.enable) out.put32(word);
    out.put32(context.threshold);
  }
}

Result<void> Plic::restore(StateReader& in) {
  std::lock_guard lock(state_mutex_);
  TRY(expect_version(in, state_version, "plic"));
  if (in.get32() != sources_ || in.get32() != contexts_.size()) return fail_state("plic");
  auto priority = priority_;
  for (u32 n = 1; n <= sources_; ++n) priority[n] = static_cast<u8>(in.get8() & priority_mask);
  Bits exists{};
  for (u32 n = 1; n <= sources_; ++n) assign(exists, n, true);
  std::array<Bits, 4> saved;
  for (Bits& bits : saved)
    for (u32 word = 0; word < words; ++word) bits[word] = in.get32() & exists[word];
  std::vector<Context> contexts = contexts_;
  for (Context& context : contexts) {
    for (u32 word = 0; word < words; ++word) context.enable[word] = in.get32() & exists[word];
    context.threshold = in.get32() & priority_mask;
  }
  if (in.bad()) return fail_state("plic");
  priority_ = priority;
  lines_ = saved[0];
  pending_ = saved[1];
  served_ = saved[2];
  latched_ = saved[3];
  contexts_ = std::move(contexts);
  for (Context& context : contexts_) {
    context.level = best(context) != 0;
    if (context.output != nullptr) context.output->set(context.level);
  }
  return {};
}

}  // namespace pv::device
