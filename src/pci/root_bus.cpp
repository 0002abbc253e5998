#include "pci/root_bus.h"

#include "base/check.h"
#include "base/text.h"

namespace pv::pci {

// Up while any of its pins is: how level interrupts are shared.
class RootBus::SharedLine {
 public:
  explicit SharedLine(hv::IrqLine& out) : out_(out) {}
  void change(bool up) {
    std::lock_guard lock(mutex_);
    const unsigned before = asserted_;
    asserted_ = up ? before + 1 : before - 1;
    if (before == 0 || asserted_ == 0) out_.set(up);
  }

 private:
  hv::IrqLine& out_;
  std::mutex mutex_;
  unsigned asserted_ = 0;
};

// One device's INTA#. Its end does not touch the line: when a machine goes, lines go first.
class RootBus::Pin final : public hv::IrqLine {
 public:
  explicit Pin(SharedLine& line) : line_(line) {}
  void set(bool level) override {
    if (level == level_) return;
    level_ = level;
    line_.change(level);
  }

 private:
  SharedLine& line_;
  bool level_ = false;
};

RootBus::RootBus(const Window& memory, const Window& io, std::array<hv::IrqLine*, lines> interrupts)
    : memory_(memory), io_(io) {
  for (unsigned i = 0; i < lines; ++i) shared_[i] = std::make_unique<SharedLine>(*interrupts[i]);
}

RootBus::~RootBus() = default;

Result<void> RootBus::add(unsigned device, Function& function) {
  std::lock_guard lock(mutex_);
  if (device >= slots_.size() || slots_[device].function != nullptr)
    return fail(Error::Kind::usage,
                text("{} finds no room as PCI device {}", function.name(), device));
  Slot& slot = slots_[device];
  slot.pin = std::make_unique<Pin>(*shared_[intx_line(device)]);
  slot.function = &function;
  {
    std::lock_guard function_lock(function.mutex());
    function.connect(*slot.pin, static_cast<u16>(device << 3));
  }
  if (decode(slot)) map_all();
  return {};
}

void RootBus::remove(unsigned device) {
  std::lock_guard lock(mutex_);
  Slot& slot = slots_[device];
  if (slot.function == nullptr) return;
  slot.wanted = {};
  map_all();
  slot.function = nullptr;
  slot.pin->set(false);
  slot.pin.reset();
}

RootBus::Slot* RootBus::slot_of(unsigned devfn) {
  if ((devfn & 7) != 0 || (devfn >> 3) >= slots_.size()) return nullptr;
  Slot& slot = slots_[devfn >> 3];
  return slot.function != nullptr ? &slot : nullptr;
}

u32 RootBus::config_read(unsigned devfn, u32 offset, bus::Width width) {
  std::lock_guard lock(mutex_);
  Slot* slot = slot_of(devfn);
  if (slot == nullptr) return ~u32{0};
  std::lock_guard function_lock(slot->function->mutex());
  return slot->function->config_read(offset, width);
}

void RootBus::config_write(unsigned devfn, u32 offset, bus::Width width, u32 value) {
  std::lock_guard lock(mutex_);
  Slot* slot = slot_of(devfn);
  if (slot == nullptr) return;
  {
    std::lock_guard function_lock(slot->function->mutex());
    slot->function->config_write(offset, width, value);
  }
  // From here on without the function's mutex: only configuration writes, which hold ours, change
  // what is read.
  if (decode(*slot)) map_all();
}

void RootBus::update() {
  std::lock_guard lock(mutex_);
  for (Slot& slot : slots_)
    if (slot.function != nullptr) decode(slot);
  map_all();
}

RootBus::Mapping RootBus::place(const Function& function, unsigned bar) const {
  const ConfigSpace& config = function.config();
  const auto base = config.bar_base(bar);
  if (!base) return {};
  const Window& window = config.bar_kind(bar) == BarKind::io ? io_ : memory_;
  const u64 offset = *base - window.pci;
  const u64 size = config.bar_size(bar);
  if (window.bus == nullptr || offset >= window.size || size > window.size - offset) return {};
  return {window.bus, window.cpu + offset};
}

bool RootBus::decode(Slot& slot) {
  bool changed = false;
  for (unsigned bar = 0; bar < spec::bar_count; ++bar) {
    const Mapping now = place(*slot.function, bar);
    changed = changed || now != slot.wanted[bar];
    slot.wanted[bar] = now;
  }
  return changed;
}

void RootBus::map_all() {
  if (memory_.bus != nullptr) map_bus(*memory_.bus);
  if (io_.bus != nullptr && io_.bus != memory_.bus) map_bus(*io_.bus);
}

// A BAR that overlapped another one gets its turn here when that has moved away.
void RootBus::map_bus(bus::Bus& bus) {
  bus::Bus::Transaction change(bus);
  bool changed = false;
  for (Slot& slot : slots_)
    for (unsigned bar = 0; bar < spec::bar_count; ++bar) {
      Mapping& there = slot.mapped[bar];
      if (there.bus != &bus || there == slot.wanted[bar]) continue;
      CHECK(change.detach(there.base));
      there = {};
      changed = true;
    }
  for (Slot& slot : slots_)
    for (unsigned bar = 0; bar < spec::bar_count; ++bar) {
      const Mapping& wanted = slot.wanted[bar];
      if (wanted.bus != &bus || slot.mapped[bar] == wanted) continue;
      Function& function = *slot.function;
      if (!change.attach({wanted.base, function.config().bar_size(bar)}, function, function.name(),
                         Function::bar_offset(bar), function.doorbells(bar)))
        continue;
      slot.mapped[bar] = wanted;
      changed = true;
    }
  if (changed) change.commit();
}

}  // namespace pv::pci
