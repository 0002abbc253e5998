// The debugger's breakpoints and watchpoints: in guest memory or in the processors' registers.
#include <algorithm>

#include "base/instruction_cache.h"
#include "base/text.h"
#include "inspect/next_pc.h"
#include "vmm/debugger.h"

namespace pv::vmm {
namespace {

using Kind = hv::HardwareBreakpoint::Kind;

bool executes(inspect::gdb::Point point) {
  return point == inspect::gdb::Point::software || point == inspect::gdb::Point::hardware;
}

Kind kind_of(inspect::gdb::Point point) {
  using inspect::gdb::Point;
  switch (point) {
    case Point::write: return Kind::write;
    case Point::read: return Kind::read;
    case Point::access: return Kind::access;
    case Point::software:
    case Point::hardware: break;
  }
  return Kind::execute;
}

}  // namespace

const Debugger::Entry* Debugger::entry_at(u64 pc) const {
  for (const Entry& entry : entries_)
    if (executes(entry.point) && entry.address == pc) return &entry;
  return nullptr;
}

bool Debugger::has_room(Point point) const {
  usize breakpoints = 0, watchpoints = 0;
  for (const Entry& entry : entries_) {
    if (entry.in_memory) continue;
    ++(executes(entry.point) ? breakpoints : watchpoints);
  }
  // x86 has four registers for both.
  if (host_arch == Arch::x86_64) breakpoints = watchpoints = breakpoints + watchpoints;
  return executes(point) ? breakpoints < limits_.breakpoints : watchpoints < limits_.watchpoints;
}

// Whether the processor takes this one, asked by setting it on a CPU that stands still; what the
// CPU really runs with is set at the next resume.
Result<void> Debugger::try_out(const Entry& entry) {
  hv::DebugControl control;
  control.enabled = true;
  control.hardware = {{kind_of(entry.point), entry.address, std::max<u64>(entry.length, 1)}};
  return set_control(0, control);
}

Result<bool> Debugger::insert(unsigned cpu, Point point, u64 address, u64 length) {
  Entry entry{point, address, length, 0, false};
  for (const Entry& there : entries_)
    if (there.point == point && there.address == address && there.length == length) return true;
  if (entries_.size() >= max_entries)
    return fail(Error::Kind::host, text("{} breakpoints are the most", max_entries));
  Result<void> in_memory = fail(Error::Kind::host, "this host has no software breakpoints");
  if (point == Point::software && limits_.software_breakpoints) {
    u64 left = 0;
    auto physical = translate(cpu, address, left);
    u8 byte = 0;
    if (!physical)
      in_memory = std::unexpected(physical.error());
    else if (!read_ram(*physical, {&byte, 1}))
      in_memory = fail(Error::Kind::host, text("{:#x} is not RAM", *physical));
    else
      in_memory = {};
    if (in_memory) {
      entry.in_memory = true;
      entry.physical = *physical;
    }
  }
  if (!entry.in_memory) {
    if (!has_room(point)) {
      Error why =
          point == Point::software
              ? in_memory.error()
              : Error{Error::Kind::host,
                      executes(point) ? "no hardware breakpoint is left" : "no watchpoint is left",
                      {}};
      u32 offered = executes(point) ? limits_.breakpoints : limits_.watchpoints;
      why.hint = text("this host has {} hardware {}", offered,
                      executes(point) ? "breakpoints" : "watchpoints");
      client_.note(text("No {} at {:#x}: {}; {}", executes(point) ? "breakpoint" : "watchpoint",
                        address, why.message, why.hint));
      return std::unexpected(std::move(why));
    }
    if (auto taken = try_out(entry); !taken) {
      client_.note(taken.error().message);
      return std::unexpected(taken.error());
    }
  }
  entries_.push_back(entry);
  return true;
}

Result<bool> Debugger::remove(Point point, u64 address, u64 length) {
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.point == point && entry.address == address &&
           (executes(point) || entry.length == length);
  });
  return true;
}

hv::DebugControl Debugger::control_for(std::optional<u64> without) const {
  hv::DebugControl control;
  control.enabled = true;
  control.software_breakpoints = std::any_of(entries_.begin(), entries_.end(),
                                             [](const Entry& entry) { return entry.in_memory; });
  for (const Entry& entry : entries_) {
    if (entry.in_memory || (executes(entry.point) && without == entry.address)) continue;
    control.hardware.push_back(
        {kind_of(entry.point), entry.address, std::max<u64>(entry.length, 1)});
  }
  return control;
}

Result<void> Debugger::set_control(unsigned cpu, const hv::DebugControl& control) {
  if (controls_[cpu] == control) return {};
  Result<void> done;
  group_.on_vcpu(cpu, [&](hv::Vcpu& vcpu) { done = vcpu.set_debug(control); });
  if (done) controls_[cpu] = control;
  return done;
}

Result<void> Debugger::plant_entries(std::optional<u64> without) {
  for (const Entry& entry : entries_)
    if (entry.in_memory && without != entry.address) TRY(plant(entry.physical));
  return {};
}

Result<void> Debugger::plant_at(unsigned cpu, u64 address) {
  u64 left = 0;
  u64 physical = TRY(translate(cpu, address, left));
  return plant(physical);
}

// Puts the trap instruction there; what stood there comes back with lift_traps().
Result<void> Debugger::plant(u64 physical) {
  for (const Trap& there : traps_)
    if (there.physical == physical) return {};
  Trap trap{physical, {}, limits_.instruction, limits_.instruction_size};
  u8 first[2]{};
  // In compressed code the long instruction would cover the next one, too.
  if (host_arch == Arch::riscv64 && read_ram(physical, first) &&
      inspect::riscv64::instruction_size(first[0]) == 2) {
    trap.instruction = {0x02, 0x90, 0, 0};  // C.EBREAK
    trap.size = 2;
  }
  MutableBytes saved(trap.saved.data(), trap.size);
  if (!read_ram(physical, saved) || !write_ram(physical, {trap.instruction.data(), trap.size}))
    return fail(Error::Kind::host, text("{:#x} is not RAM: no breakpoint there", physical));
  traps_.push_back(trap);
  return {};
}

// Where the guest has written something else meanwhile (loaded a program), that stays.
void Debugger::lift_traps() {
  for (const Trap& trap : traps_) {
    std::array<u8, 4> now{};
    if (!read_ram(trap.physical, {now.data(), trap.size})) continue;
    if (std::equal(now.begin(), now.begin() + trap.size, trap.instruction.begin()))
      write_ram(trap.physical, {trap.saved.data(), trap.size});
  }
  traps_.clear();
}

bool Debugger::read_ram(u64 address, MutableBytes into) const {
  return ram_.read_bytes(memory::GuestAddress(address), into);
}

bool Debugger::write_ram(u64 address, Bytes from) {
  if (!ram_.write_bytes(memory::GuestAddress(address), from)) return false;
  iovec host = ram_.slice(memory::GuestAddress(address), from.size()).io();
  flush_instructions(host.iov_base, host.iov_len);
  return true;
}

}  // namespace pv::vmm
