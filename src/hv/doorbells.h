// Doorbells: what a Bus asks of the hypervisor, for the space whose accesses the bus carries.
#pragma once

#include "bus/bus.h"
#include "hv/vm.h"

namespace pv::hv {

class Doorbells final : public bus::DoorbellPort {
 public:
  Doorbells(Vm& vm, Space space) : vm_(vm), space_(space) {}
  // Where the host refuses one, each notification costs an exit, and nothing else changes.
  void attach(const bus::Doorbell& doorbell) override {
    static_cast<void>(vm_.attach_doorbell(space_, doorbell));
  }
  void detach(const bus::Doorbell& doorbell) override { vm_.detach_doorbell(space_, doorbell); }

 private:
  Vm& vm_;
  Space space_;
};

}  // namespace pv::hv
