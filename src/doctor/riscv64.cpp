// What KVM on riscv64 depends on: the H extension, the firmware's SBI, the AIA, Sstc, and what of
// ISA and SBI a guest gets (Linux arch/riscv/kvm/main.c; RISC-V privileged specification 1.12,
// chapter "H"; SBI 2.0; AIA 1.0).
#include "doctor/parts.h"

namespace pv::doctor {
namespace {

std::string host_isa(const Probe& probe) {
  const auto cpu = probe.read("/proc/cpuinfo");
  return cpu ? field(*cpu, "isa") : std::string();
}

// Whether the single letters of "rv64imafdch_zicsr..." have `letter`.
bool has_letter(std::string_view isa, char letter) {
  if (!isa.starts_with("rv64")) return false;
  const std::string_view letters =
      isa.substr(4, isa.find('_') == isa.npos ? isa.npos : isa.find('_') - 4);
  return letters.find(letter) != letters.npos;
}

std::string list_of(const Probe& probe, std::string_view prefix, bool on) {
  std::string list;
  for (const NamedValue& entry : probe.kvm().facts) {
    if (!entry.name.starts_with(prefix) || (entry.value != 0) != on) continue;
    list += list.empty() ? "" : " ";
    list += entry.name.substr(prefix.size());
  }
  return list;
}

Finding h_extension(const Probe& probe) {
  std::string format = log_line(probe, "G-stage page table");
  if (const usize at = format.find("using "); at != format.npos) format = format.substr(at);
  return fine(format.empty() ? "the processor has the hypervisor extension"
                             : text("the processor has the hypervisor extension; {}", format));
}

Finding aia(const Probe& probe) {
  if (probe.kvm().has_controller("aia"))
    return fine("an AIA in the kernel: devices interrupt guests without the monitor");
  return limited(
      "this host's KVM has no AIA for guests",
      "the PLIC is emulated by the monitor: each interrupt costs a guest some three exits",
      "hardware with an AIA and guest interrupt files, and Linux 6.5 or later; otherwise "
      "nothing is to be done: --irqchip plic or auto works");
}

Finding isa(const Probe& probe) {
  const std::string on = list_of(probe, "isa ", true);
  if (on.empty()) return absent("the ISA extensions of guests could not be asked for");
  const bool complete = probe.kvm().fact("isa i") != 0 && probe.kvm().fact("isa m") != 0 &&
                        probe.kvm().fact("isa a") != 0;
  if (!complete)
    return limited(text("guests have: {}", on), "Linux guests need at least i, m and a", "");
  return fine(text("guests have: {}", on));
}

Finding sbi(const Probe& probe) {
  const std::string on = list_of(probe, "sbi ", true);
  const std::string off = list_of(probe, "sbi ", false);
  if (on.empty() && off.empty())
    return absent("this KVM does not tell its SBI extensions (before Linux 6.4)");
  const std::string seen = text("guests may call: {}", on);
  if (!has_word(on + " " + off, "DBCN"))
    return limited(seen, "no debug console (DBCN, Linux 6.8): earlycon=sbi stays silent in guests",
                   "use the UART: earlycon takes its address from the device tree");
  return fine(seen);
}

Finding timer(const Probe& probe) {
  const i64 hz = probe.kvm().fact("timebase");
  const std::string rate = hz > 0 ? text(", timebase {} Hz", hz) : std::string();
  if (probe.kvm().fact("isa sstc") != 0)
    return fine(text("guests set their own timer (Sstc){}", rate));
  return limited(text("no Sstc for guests{}", rate),
                 "each setting of a timer is an SBI call: one more exit for every tick",
                 "a processor with Sstc; nothing else is to be done");
}

Finding addresses(const Probe& probe) {
  const i64 bits = probe.kvm().capability("KVM_CAP_VM_GPA_BITS");
  if (bits <= 0) return absent("the size of guests' addresses could not be asked for");
  return fine(text("guests have {} address bits", bits));
}

constexpr Check table[] = {
    {"h-extension", "hypervisor extension", true, h_extension},
    {"aia", "interrupt controller", true, aia},
    {"gpa-bits", "guest addresses", true, addresses},
    {"isa", "ISA extensions", true, isa},
    {"sbi", "SBI extensions", true, sbi},
    {"timer", "timer", true, timer},
};

}  // namespace

Cause riscv64_without_kvm(const Probe& probe) {
  const std::string processor = host_isa(probe);
  if (!log_line(probe, "hypervisor extension not available").empty() ||
      (!processor.empty() && !has_letter(processor, 'h')))
    return {
        text("the processor has no hypervisor extension (H){}{}",
             processor.empty() ? "" : ": its ISA is ", processor),
        "KVM needs a core with H: most boards of today have none. QEMU: -cpu rv64,h=true; a "
        "kernel that hides it (riscv_isa_fallback, a device tree without \"h\") shows the same"};
  if (const std::string line = log_line(probe, "require SBI"); !line.empty())
    return {text("the firmware is too old for KVM: \"{}\"", line),
            "OpenSBI 0.6 or later (SBI 0.2 with RFENCE)"};
  const auto modules = probe.read("/proc/modules");
  if (modules && !modules->starts_with("kvm ") && modules->find("\nkvm ") == modules->npos)
    return {"the module kvm is not loaded, or the kernel was built without CONFIG_KVM",
            "modprobe kvm"};
  return {"the kernel has no CONFIG_KVM, or the processor no H extension",
          "CONFIG_KVM (y, or m and modprobe kvm), and a core with H: 'grep isa /proc/cpuinfo'"};
}

std::span<const Check> riscv64_checks() { return table; }

}  // namespace pv::doctor
