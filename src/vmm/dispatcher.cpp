#include "vmm/dispatcher.h"

#include <cstring>

namespace pv::vmm {

Dispatcher::Dispatcher(hv::Vm& vm, machine::Machine& machine, bus::Bus& mmio, bus::Bus& pio,
                       Undescribed& undescribed, Log& log, Finish finish)
    : vm_(vm),
      machine_(machine),
      mmio_(mmio),
      pio_(pio),
      undescribed_(undescribed),
      log_(log),
      finish_(std::move(finish)) {
  deliver_ = [this](const hv::PostedWrite& write) {
    delivered_.fetch_add(1, std::memory_order_relaxed);
    bus::Bus& bus = write.space == hv::Space::pio ? pio_ : mmio_;
    bus.write(write.address, write.width, write.value);
  };
}

usize Dispatcher::drain_posted() {
  usize before = delivered_.load(std::memory_order_relaxed);
  vm_.drain_posted(deliver_);
  return delivered_.load(std::memory_order_relaxed) - before;
}

bool Dispatcher::handle(hv::Vcpu& vcpu, const hv::Exit& exit) {
  vm_.drain_posted(deliver_);
  return std::visit([&](const auto& cause) { return on(vcpu, cause); }, exit);
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::MmioRead& read) {
  u64 value;
  if (!mmio_.read(read.address.value(), read.width, value, vcpu.index()))
    log_.guest(stray_, "the guest read {} bytes at {:#x}, where nothing is", bus::bytes(read.width),
               read.address.value());
  vcpu.complete_read(value);
  return true;
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::MmioWrite& write) {
  if (!mmio_.write(write.address.value(), write.width, write.value, vcpu.index()))
    log_.guest(stray_, "the guest wrote {} bytes at {:#x}, where nothing is",
               bus::bytes(write.width), write.address.value());
  return true;
}

// Unclaimed ports are how a PC is probed: no message.
bool Dispatcher::on(hv::Vcpu&, const hv::Pio& io) {
  usize width = static_cast<usize>(bus::bytes(io.width));
  for (usize at = 0; at + width <= io.data.size(); at += width) {
    u64 value = 0;
    if (io.is_write) {
      for (usize i = 0; i < width; ++i) value |= u64{io.data[at + i]} << (8 * i);
      pio_.write(io.port, io.width, value);
    } else {
      pio_.read(io.port, io.width, value);
      for (usize i = 0; i < width; ++i) io.data[at + i] = static_cast<u8>(value >> (8 * i));
    }
  }
  return true;
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::Hypercall& call) {
  machine::Machine::CallResult result = machine_.call(call);
  vcpu.complete_call(result.error, result.value);
  return true;
}

bool Dispatcher::crash(std::string message, std::string hint) {
  finish_({Outcome::Kind::crash, 0, std::move(message), std::move(hint)});
  return false;
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::Nisv& nisv) {
  auto [end, moved_to] = undescribed_.handle(vcpu, nisv);
  if (end) {
    finish_(std::move(*end));
    return false;
  }
  // KVM reports a step only of what the processor has executed.
  return !moved_to || on(vcpu, hv::Debug{*moved_to, hv::DebugCause::step});
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::Unemulated& access) {
  if (access.delivered) {
    log_.guest(
        stray_,
        "CPU {}: this host's KVM does not emulate the instruction {:#010x} at {:#x}; the guest "
        "got a Program interrupt",
        vcpu.index(), access.instruction, access.pc);
    return true;
  }
  return crash(
      text("CPU {}: the instruction at {:#x} accessed a device in a way that this host's KVM "
           "does not emulate (misaligned, or not a plain load or store)",
           vcpu.index(), access.pc),
      "the guest must access devices by aligned plain loads and stores");
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::Debug& debug) {
  if (on_debug_) return on_debug_(vcpu, debug);
  return crash(text("CPU {}: a debug exit at {:#x} that nobody asked for", vcpu.index(), debug.pc));
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::FailEntry& entry) {
  return crash(text("CPU {}: the processor refused to enter the guest (reason {:#x})", vcpu.index(),
                    entry.reason),
               "the guest's machine state is one that the hardware does not allow");
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::InternalError& error) {
  const char* what = "an internal error";
  switch (error.suberror) {
    case 1: what = "an instruction that KVM cannot emulate"; break;
    case 2: what = "an exception while delivering an exception"; break;
    case 3: what = "a failure to deliver an event"; break;
    case 4: what = "an unexpected exit from the guest"; break;
    default: break;
  }
  return crash(text("CPU {}: KVM stopped at {} (suberror {}, data {:#x} {:#x} {:#x})", vcpu.index(),
                    what, error.suberror, error.data[0], error.data[1], error.data[2]),
               "the guest jumped into device memory or unmapped space, or uses an instruction that "
               "this host's KVM does not know");
}

bool Dispatcher::on(hv::Vcpu&, const hv::SystemEvent& event) {
  using Type = hv::SystemEvent::Type;
  switch (event.type) {
    case Type::shutdown: finish_({Outcome::Kind::power_off, 0, {}, {}}); return false;
    case Type::reset: finish_({Outcome::Kind::reset, 0, {}, {}}); return false;
    case Type::crash: finish_({Outcome::Kind::panic, 0, {}, {}}); return false;
    case Type::suspend: return true;  // resumed at once: nothing here can wake it
  }
  return true;
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::TripleFault&) {
  return crash(text("CPU {}: triple fault: an exception whose handler, and the double fault's, "
                    "could not be reached{}{}",
                    vcpu.index(), explain_ ? ", " : "", explain_ ? explain_(vcpu) : ""),
               "the guest's IDT or its stack is not mapped, or its page tables are wrong");
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::Halted&) {
  return crash(
      text("CPU {} halted for ever: there is no interrupt controller to wake it", vcpu.index()));
}

bool Dispatcher::on(hv::Vcpu& vcpu, const hv::Unknown& unknown) {
  return crash(text("CPU {}: KVM reports exit reason {}, which polyvisor does not know",
                    vcpu.index(), unknown.reason),
               "please report it with the host's kernel version");
}

}  // namespace pv::vmm
