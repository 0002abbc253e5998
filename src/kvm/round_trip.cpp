#include "kvm/round_trip.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "kvm/host.h"
#include "kvm/probe.h"

namespace pv::kvm {
namespace {

// General registers that do not keep every value: program counters, flags, constant ones.
constexpr std::array<std::string_view, 9> fixed = {"pc", "rip", "cpsr", "eflags", "msr",
                                                   "cr", "xer", "zero", "priv"};
// What counts by itself.
constexpr std::array<std::string_view, 12> ticking = {
    "tsc",     "tbl",        "tbu",           "tb",    "time", "dec", "cycle",
    "instret", "cntvct_el0", "cntv_tval_el0", "decar", "tsr"};

bool among(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

u64 masked(u64 value, u16 bits) { return bits >= 64 ? value : value & ((u64{1} << bits) - 1); }

// A value of its own for each register.
u64 pattern(usize index, u16 bits) {
  return masked(0x0123'4567'89ab'cdefull * (2 * index + 3), bits);
}

class Trip {
 public:
  Trip(hv::Vcpu& vcpu, hv::RegisterFile before) : vcpu_(vcpu), before_(std::move(before)) {}

  Result<RoundTrip> go() {
    result_.read =
        static_cast<usize>(std::ranges::count_if(before_.known, [](u8 k) { return k != 0; }));
    if (result_.read == 0) return fail(Error::Kind::host, "this host shows no registers");
    TRY(rewrite());
    TRY(patterns());
    return std::move(result_);
  }

 private:
  void wrong(usize i, u64 wrote, u64 read) {
    result_.wrong.push_back(
        text("{}: wrote {:#x}, read {:#x}", before_.table[i].name, wrote, read));
  }

  // Each register takes its own value again, and nothing changes by that.
  Result<void> rewrite() {
    for (usize i = 0; i < before_.table.size(); ++i) {
      if (before_.known[i] == 0 || among(ticking, before_.table[i].name)) continue;
      ++(vcpu_.write_register(i, before_.values[i]) ? result_.rewritten : result_.refused);
    }
    const hv::RegisterFile after = TRY(vcpu_.read_registers(hv::all_registers));
    for (usize i = 0; i < before_.table.size(); ++i)
      if (before_.known[i] != 0 && !among(ticking, before_.table[i].name) &&
          !(after.values[i] == before_.values[i]))
        wrong(i, before_.values[i].low, after.values[i].low);
    return {};
  }

  Result<void> patterns() {
    std::vector<usize> written;
    for (usize i = 0; i < before_.table.size(); ++i) {
      const hv::RegisterInfo& info = before_.table[i];
      if (before_.known[i] == 0 || info.group != hv::RegisterGroup::general) continue;
      if (among(fixed, info.name)) continue;
      if (vcpu_.write_register(i, {pattern(i, info.bits), 0})) written.push_back(i);
    }
    const hv::RegisterFile after = TRY(vcpu_.read_registers({}));
    // One table serves e5500 and e500v2: a core of 32 bits keeps the lower half of all of them.
    const bool narrow = std::ranges::all_of(written, [&](usize i) {
      return after.values[i].low == static_cast<u32>(pattern(i, before_.table[i].bits));
    });
    for (const usize i : written) {
      const u64 wrote = masked(pattern(i, before_.table[i].bits), narrow ? 32 : 64);
      if (masked(after.values[i].low, before_.table[i].bits) == wrote)
        ++result_.patterned;
      else
        wrong(i, wrote, after.values[i].low);
    }
    return {};
  }

  hv::Vcpu& vcpu_;
  hv::RegisterFile before_;
  RoundTrip result_;
};

}  // namespace

Result<RoundTrip> round_trip_registers() {
  const Host host = TRY(Host::open());
  auto vm = TRY(host.create_vm({.highest_address = 0xffff'ffff, .cpus = 1}));
  const arch::TrialGuest guest = arch::trial_guest(*vm);
  TRY(vm->create_irqchip(guest.irqchip, 1));
  auto vcpu = TRY(vm->create_vcpu(0));
  TRY(vm->finish_irqchip());
  TRY(vm->set_boot_state(*vcpu, guest.state));
  return Trip(*vcpu, TRY(vcpu->read_registers(hv::all_registers))).go();
}

}  // namespace pv::kvm
