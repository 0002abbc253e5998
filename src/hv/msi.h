// MsiTarget: where a message-signalled interrupt goes: an interrupt controller that takes writes of
// `data` to `address` (a GICv3 ITS, a GICv2m frame, IMSICs, local APICs). Beside IrqLine the only
// way up.
#pragma once

#include <vector>

#include "base/types.h"

namespace pv::hv {

struct Msi {
  u64 address = 0;
  u32 data = 0;
  u32 device = 0;  // the PCI requester id; only a GICv3 ITS looks at it

  bool operator==(const Msi&) const = default;
};

class MsiTarget {
 public:
  virtual ~MsiTarget() = default;
  // Any thread; the device's mutex is held. Address and data come from the guest: a message that
  // leads nowhere is dropped.
  virtual void signal(const Msi& msi) = 0;
};

class FakeMsiTarget final : public MsiTarget {
 public:
  void signal(const Msi& msi) override { signals.push_back(msi); }
  std::vector<Msi> signals;
};

}  // namespace pv::hv
