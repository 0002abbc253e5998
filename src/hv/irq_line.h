// IrqLine: the only way up for a level or edge interrupt. The line does not know what it leads to
// (a GIC SPI, a PLIC source, an I/O APIC pin); whoever made it does.
#pragma once

namespace pv::hv {

class IrqLine {
 public:
  virtual ~IrqLine() = default;
  // Any thread; the device's mutex is held. Setting the level it already has is allowed and cheap
  // to avoid: devices remember their level.
  virtual void set(bool level) = 0;

  // An edge: up and down again, latched by the controller.
  void pulse() {
    set(true);
    set(false);
  }
};

// For tests and for devices whose interrupt leads nowhere.
class FakeIrqLine final : public IrqLine {
 public:
  void set(bool level) override {
    if (level && !level_) ++edges_;
    level_ = level;
  }
  bool asserted() const { return level_; }
  unsigned rising_edges() const { return edges_; }

 private:
  bool level_ = false;
  unsigned edges_ = 0;
};

}  // namespace pv::hv
