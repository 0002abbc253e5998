#include "device/gic_v2.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "device/state.h"

namespace pv::device {
namespace {

// Chapter 4.1.2, distributor register map.
constexpr u32 control = 0x000, type = 0x004, implementer = 0x008;
constexpr u32 set_enable = 0x100, clear_enable = 0x180, set_pending = 0x200, clear_pending = 0x280;
constexpr u32 set_active = 0x300, clear_active = 0x380, priorities = 0x400, targets = 0x800;
constexpr u32 configuration = 0xc00, software_generated = 0xf00;
constexpr u32 clear_sgi_pending = 0xf10, set_sgi_pending = 0xf20, peripheral_id2 = 0xfe8;
// Chapter 4.1.3, CPU interface register map.
constexpr u32 c_control = 0x00, c_mask = 0x04, c_binary_point = 0x08, c_acknowledge = 0x0c;
constexpr u32 c_end = 0x10, c_running = 0x14, c_highest = 0x18, c_active = 0xd0, c_id = 0xfc;
constexpr u32 c_deactivate = 0x1000;
constexpr u32 separate_deactivation = 1u << 9;  // GICC_CTLR.EOImode

constexpr u32 priority_mask = 0xf8;  // 32 levels
constexpr u32 arm_gic2 = 0x0202'043b;
constexpr u8 state_version = 1;
constexpr u32 sgis = 0xffff;  // word 0: bits of the software-generated interrupts

bool in(u32 offset, u32 base, u32 bytes) { return offset >= base && offset - base < bytes; }

}  // namespace

class GicV2::Input final : public hv::IrqLine {
 public:
  Input(GicV2& gic, u32 id) : gic_(gic), id_(id) {}
  void set(bool level) override { gic_.drive(id_, level); }

 private:
  GicV2& gic_;
  u32 id_;
};

GicV2::GicV2(u32 interrupts, std::vector<ExternalInterrupt*> outputs)
    : interrupts_(interrupts), cpus_(outputs.size()), outputs_(std::move(outputs)) {
  CHECK(interrupts_ >= 64 && interrupts_ <= max_interrupts && interrupts_ % 32 == 0);
  CHECK(!cpus_.empty() && cpus_.size() <= max_cpus);
  // SGIs are always enabled here, which the architecture leaves to the implementation (4.3.5).
  for (Cpu& cpu : cpus_) cpu.enabled = sgis;
}

GicV2::~GicV2() = default;

hv::IrqLine& GicV2::shared(u32 number) {
  u32 id = private_ids + number;
  CHECK(id < interrupts_);
  std::lock_guard lock(state_mutex_);
  if (!inputs_[id]) inputs_[id] = std::make_unique<Input>(*this, id);
  return *inputs_[id];
}

void GicV2::drive(u32 id, bool level) {
  std::lock_guard lock(state_mutex_);
  u32 word = id / 32, bit = 1u << (id % 32);
  bool was = (level_[word] & bit) != 0;
  if (level == was) return;
  level_[word] ^= bit;
  if (level && (edge_[word] & bit) != 0) latched_[word] |= bit;
  update();
}

void GicV2::set_private(unsigned index, u32 id, bool level) {
  if (index >= cpus_.size() || id < 16 || id >= private_ids) return;
  std::lock_guard lock(state_mutex_);
  Cpu& cpu = cpus_[index];
  u32 bit = 1u << id;
  if (((cpu.level & bit) != 0) == level) return;
  cpu.level ^= bit;
  if (level && (cpu.edge & bit) != 0) cpu.latched |= bit;
  update();
}

// Word 0 belongs to each CPU, the others to all.
u32* GicV2::field(unsigned cpu, u32 word, Bits GicV2::* shared, u32 Cpu::* own) {
  if (word == 0) return &(cpus_[cpu].*own);
  return word < interrupts_ / 32 ? &(this->*shared)[word] : nullptr;
}
u32 GicV2::get(unsigned cpu, u32 word, const Bits GicV2::* shared, u32 Cpu::* own) const {
  if (word == 0) return cpus_[cpu].*own;
  return word < interrupts_ / 32 ? (this->*shared)[word] : 0;
}

// 3.2.4: an edge stays until it is acknowledged, a level as long as it is high; what software set
// pending counts as the former.
u32 GicV2::pending(const Cpu& cpu, u32 word) const {
  if (word != 0) return latched_[word] | (level_[word] & ~edge_[word]);
  u32 sent = 0;
  for (u32 id = 0; id < cpu.sgi_sources.size(); ++id)
    if (cpu.sgi_sources[id] != 0) sent |= 1u << id;
  return (cpu.latched & ~sgis) | (cpu.level & ~cpu.edge) | sent;
}

// The enabled pending interrupt of the highest priority that this CPU may take, the lowest number
// among equals; no_interrupt if there is none.
u32 GicV2::best(unsigned index, u32& priority) const {
  const Cpu& cpu = cpus_[index];
  u32 found = no_interrupt;
  priority = 0x100;
  if (!enabled_) return found;
  for (u32 word = 0; word < interrupts_ / 32; ++word) {
    u32 ready = pending(cpu, word) & get(index, word, &GicV2::enable_, &Cpu::enabled) &
                ~get(index, word, &GicV2::active_, &Cpu::active);
    for (; ready != 0; ready &= ready - 1) {
      u32 id = word * 32 + static_cast<u32>(std::countr_zero(ready));
      if (word != 0 && (targets_[id] >> index & 1) == 0) continue;
      u32 own = word == 0 ? cpu.priority[id] : priority_[id];
      if (own >= priority) continue;
      found = id;
      priority = own;
    }
  }
  return found;
}

// 3.3.2 and 3.3.3: the binary point splits off the bits that do not matter for preemption.
bool GicV2::preempts(const Cpu& cpu, u32 priority) const {
  if (priority >= cpu.mask) return false;
  if (cpu.running == 0) return true;
  u32 group_mask = ~((2u << cpu.binary_point) - 1) & 0xff;
  u32 running = static_cast<u32>(std::countr_zero(cpu.running)) * 8;
  return (priority & group_mask) < (running & group_mask);
}

void GicV2::update() {
  for (unsigned i = 0; i < cpus_.size(); ++i) {
    Cpu& cpu = cpus_[i];
    u32 priority;
    bool output =
        (cpu.control & 1) != 0 && best(i, priority) != no_interrupt && preempts(cpu, priority);
    if (output == cpu.output) continue;
    cpu.output = output;
    outputs_[i]->set(output);
  }
}

// 4.4.4 GICC_IAR: for an SGI with the CPU that sent it in bits 12:10.
u32 GicV2::acknowledge(unsigned index) {
  Cpu& cpu = cpus_[index];
  u32 priority;
  u32 id = best(index, priority);
  if (id == no_interrupt || (cpu.control & 1) == 0 || !preempts(cpu, priority)) return no_interrupt;
  u32 source = 0, bit = 1u << (id % 32);
  if (id < 16) {
    source = static_cast<u32>(std::countr_zero(cpu.sgi_sources[id]));
    cpu.sgi_sources[id] &= static_cast<u8>(cpu.sgi_sources[id] - 1);
  }
  *field(index, id / 32, &GicV2::latched_, &Cpu::latched) &= ~bit;
  *field(index, id / 32, &GicV2::active_, &Cpu::active) |= bit;
  cpu.running |= 1u << (priority / 8);
  update();
  return id | source << 10;
}

// 3.2.1 priority drop and deactivation. Ending what was never acknowledged does nothing.
void GicV2::end(unsigned index, u32 value, bool drop, bool deactivate) {
  Cpu& cpu = cpus_[index];
  u32 id = value & 0x3ff;
  if (id >= interrupts_) return;
  if (drop) cpu.running &= cpu.running - 1;
  if (deactivate) *field(index, id / 32, &GicV2::active_, &Cpu::active) &= ~(1u << (id % 32));
  update();
}

// 4.3.15 GICD_SGIR.
void GicV2::send(unsigned from, u32 value) {
  u32 filter = value >> 24 & 3, id = value & 15;
  u32 list = value >> 16 & 0xff;
  if (filter == 1) list = ~(1u << from);
  if (filter == 2) list = 1u << from;
  for (unsigned i = 0; i < cpus_.size(); ++i)
    if (filter != 3 && (list >> i & 1) != 0)
      cpus_[i].sgi_sources[id] |= static_cast<u8>(1u << from);
  update();
}

u8 GicV2::read_byte(unsigned cpu, u32 offset) const {
  if (in(offset, clear_sgi_pending, 0x20))
    return cpus_[cpu].sgi_sources[(offset - clear_sgi_pending) % 16];
  u32 id = (offset - priorities) % 0x400;
  if (id >= interrupts_) return 0;
  if (offset < targets) return id < private_ids ? cpus_[cpu].priority[id] : priority_[id];
  return id < private_ids ? static_cast<u8>(1u << cpu) : targets_[id];
}

void GicV2::write_byte(unsigned cpu, u32 offset, u8 value) {
  if (in(offset, clear_sgi_pending, 16)) {
    cpus_[cpu].sgi_sources[offset - clear_sgi_pending] &= static_cast<u8>(~value);
  } else if (in(offset, set_sgi_pending, 16)) {
    cpus_[cpu].sgi_sources[offset - set_sgi_pending] |=
        static_cast<u8>(value & ((1u << cpus_.size()) - 1));
  } else {
    u32 id = (offset - priorities) % 0x400;
    if (id >= interrupts_) return;
    if (offset < targets)
      (id < private_ids ? cpus_[cpu].priority[id] : priority_[id]) =
          static_cast<u8>(value & priority_mask);
    else if (id >= private_ids)
      targets_[id] = static_cast<u8>(value & ((1u << cpus_.size()) - 1));
  }
  update();
}

u32 GicV2::read_distributor(unsigned cpu, u32 offset) {
  switch (offset) {
    case control: return enabled_ ? 1 : 0;
    case type: return (interrupts_ / 32 - 1) | static_cast<u32>(cpus_.size() - 1) << 5;
    case implementer: return arm_gic2;
    case peripheral_id2: return 0x2b;
  }
  if (in(offset, set_enable, 0x300)) return read_banked_word(cpu, offset);
  if (in(offset, configuration, 0x100)) {
    u32 first = (offset - configuration) * 4;  // 16 interrupts in a word
    u32 bits = get(cpu, first / 32, &GicV2::edge_, &Cpu::edge) >> (first % 32);
    u32 value = 0;
    for (u32 i = 0; i < 16; ++i) value |= (bits >> i & 1) << (2 * i + 1);
    return value;
  }
  return 0;
}

// The registers with one bit for each interrupt.
u32 GicV2::read_banked_word(unsigned cpu, u32 offset) const {
  u32 word = offset % 0x80 / 4;
  if (word >= interrupts_ / 32) return 0;
  if (offset < set_pending) return get(cpu, word, &GicV2::enable_, &Cpu::enabled);
  if (offset < set_active) return pending(cpus_[cpu], word);
  return get(cpu, word, &GicV2::active_, &Cpu::active);
}

void GicV2::write_word(unsigned cpu, u32 offset, u32 value) {
  u32 word = offset % 0x80 / 4;
  if (word >= interrupts_ / 32) return;
  u32 changeable = word == 0 ? value & ~sgis : value;
  u32* enable = field(cpu, word, &GicV2::enable_, &Cpu::enabled);
  u32* latched = field(cpu, word, &GicV2::latched_, &Cpu::latched);
  u32* active = field(cpu, word, &GicV2::active_, &Cpu::active);
  if (offset < clear_enable)
    *enable |= changeable;
  else if (offset < set_pending)
    *enable &= ~changeable;
  else if (offset < clear_pending)
    *latched |= changeable;
  else if (offset < set_active)
    *latched &= ~changeable;
  else if (offset < clear_active)
    *active |= value;
  else
    *active &= ~value;
  update();
}

void GicV2::write_distributor(unsigned cpu, u32 offset, u32 value) {
  if (offset == control) {
    enabled_ = (value & 1) != 0;
    update();
  } else if (offset == software_generated) {
    send(cpu, value);
  } else if (in(offset, set_enable, 0x300)) {
    write_word(cpu, offset, value);
  } else if (in(offset, configuration + 4, 0xfc)) {
    u32 first = (offset - configuration) * 4;
    u32* edge =
        first / 32 < interrupts_ / 32 ? field(cpu, first / 32, &GicV2::edge_, &Cpu::edge) : nullptr;
    if (edge == nullptr) return;
    for (u32 i = 0; i < 16; ++i) {
      u32 bit = 1u << (first % 32 + i);
      *edge = (value >> (2 * i + 1) & 1) != 0 ? *edge | bit : *edge & ~bit;
    }
    update();
  }
}

u32 GicV2::read_interface(unsigned index, u32 offset) {
  Cpu& cpu = cpus_[index];
  u32 priority;
  switch (offset) {
    case c_control: return cpu.control;
    case c_mask: return cpu.mask;
    case c_binary_point: return cpu.binary_point;
    case c_acknowledge: return acknowledge(index);
    case c_running:
      return cpu.running == 0 ? 0xff : static_cast<u32>(std::countr_zero(cpu.running)) * 8;
    case c_highest: return best(index, priority);
    case c_active: return cpu.running;
    case c_id: return arm_gic2;
  }
  return 0;
}

void GicV2::write_interface(unsigned index, u32 offset, u32 value) {
  Cpu& cpu = cpus_[index];
  bool separate = (cpu.control & separate_deactivation) != 0;
  switch (offset) {
    case c_control: cpu.control = value & (1 | separate_deactivation); return update();
    case c_mask: cpu.mask = value & priority_mask; return update();
    // At least 2: with 32 levels the lowest three bits of a priority never count (4.4.3).
    case c_binary_point: cpu.binary_point = std::max(value & 7, 2u); return update();
    case c_end: return end(index, value, true, !separate);
    case c_active: cpu.running = value; return update();
    case c_deactivate:
      if (separate) end(index, value, false, true);
      return;
  }
}

u64 GicV2::read(bus::Access access) {
  u32 offset = static_cast<u32>(access.offset);
  if (access.cpu >= cpus_.size() || access.offset >= size) return 0;
  std::lock_guard lock(state_mutex_);
  bool bytes = in(offset, priorities, 0x800) || in(offset, clear_sgi_pending, 0x20);
  if (bytes && access.width <= bus::Width::word) {
    u64 value = 0;
    for (u32 i = 0; i < bus::bytes(access.width); ++i)
      value |= u64{read_byte(access.cpu, offset + i)} << (8 * i);
    return value;
  }
  if (access.width != bus::Width::word || offset % 4 != 0) return 0;
  if (offset < 0x1000) return read_distributor(access.cpu, offset);
  return offset >= cpu_interface ? read_interface(access.cpu, offset - cpu_interface) : 0;
}

void GicV2::write(bus::Access access, u64 value) {
  u32 offset = static_cast<u32>(access.offset);
  if (access.cpu >= cpus_.size() || access.offset >= size) return;
  std::lock_guard lock(state_mutex_);
  bool bytes = in(offset, priorities, 0x800) || in(offset, clear_sgi_pending, 0x20);
  if (bytes && access.width <= bus::Width::word) {
    for (u32 i = 0; i < bus::bytes(access.width); ++i)
      write_byte(access.cpu, offset + i, static_cast<u8>(value >> (8 * i)));
    return;
  }
  if (access.width != bus::Width::word || offset % 4 != 0) return;
  if (offset < 0x1000) return write_distributor(access.cpu, offset, static_cast<u32>(value));
  if (offset >= cpu_interface)
    write_interface(access.cpu, offset - cpu_interface, static_cast<u32>(value));
}

void GicV2::save(StateWriter& out) const {
  std::lock_guard lock(state_mutex_);
  out.put8(state_version);
  out.put32(interrupts_);
  out.put32(static_cast<u32>(cpus_.size()));
  out.put8(enabled_ ? 1 : 0);
  for (const Bits* bits : {&enable_, &level_, &latched_, &active_, &edge_})
    for (u32 word : *bits) out.put32(word);
  for (u32 id = private_ids; id < interrupts_; ++id) {
    out.put8(priority_[id]);
    out.put8(targets_[id]);
  }
  for (const Cpu& cpu : cpus_) {
    for (u32 word : {cpu.enabled, cpu.level, cpu.latched, cpu.active, cpu.edge, cpu.control,
                     cpu.mask, cpu.binary_point, cpu.running})
      out.put32(word);
    for (u8 value : cpu.priority) out.put8(value);
    for (u8 value : cpu.sgi_sources) out.put8(value);
  }
}

Result<void> GicV2::restore(StateReader& in) {
  std::lock_guard lock(state_mutex_);
  TRY(expect_version(in, state_version, "gicv2"));
  if (in.get32() != interrupts_ || in.get32() != cpus_.size()) return fail_state("gicv2");
  bool enabled = in.get8() != 0;
  std::array<Bits, 5> saved{};
  for (Bits& bits : saved)
    for (u32 word = 0; word < words; ++word) {
      u32 value = in.get32();
      bits[word] = word != 0 && word < interrupts_ / 32 ? value : 0;
    }
  auto priority = priority_;
  auto targets_of = targets_;
  u8 existing = static_cast<u8>((1u << cpus_.size()) - 1);
  for (u32 id = private_ids; id < interrupts_; ++id) {
    priority[id] = static_cast<u8>(in.get8() & priority_mask);
    targets_of[id] = static_cast<u8>(in.get8() & existing);
  }
  std::vector<Cpu> cpus(cpus_.size());
  for (Cpu& cpu : cpus) {
    for (u32* word : {&cpu.enabled, &cpu.level, &cpu.latched, &cpu.active, &cpu.edge, &cpu.control,
                      &cpu.mask, &cpu.binary_point, &cpu.running})
      *word = in.get32();
    cpu.enabled |= sgis;
    cpu.edge |= sgis;
    cpu.control &= 1 | separate_deactivation;
    cpu.mask &= priority_mask;
    cpu.binary_point &= 7;
    for (u8& value : cpu.priority) value = static_cast<u8>(in.get8() & priority_mask);
    for (u8& value : cpu.sgi_sources) value = static_cast<u8>(in.get8() & existing);
  }
  if (in.bad()) return fail_state("gicv2");
  enabled_ = enabled;
  enable_ = saved[0], level_ = saved[1], latched_ = saved[2], active_ = saved[3], edge_ = saved[4];
  priority_ = priority;
  targets_ = targets_of;
  cpus_ = std::move(cpus);
  // Every output is told: what it was before is of another time.
  for (unsigned i = 0; i < cpus_.size(); ++i) {
    u32 highest;
    cpus_[i].output = (cpus_[i].control & 1) != 0 && best(i, highest) != no_interrupt &&
                      preempts(cpus_[i], highest);
    outputs_[i]->set(cpus_[i].output);
  }
  return {};
}

}  // namespace pv::device
