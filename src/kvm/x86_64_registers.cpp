// x86_64's registers and guest debugging over KVM (Documentation/virt/kvm/api.rst, KVM_GET_REGS,
// KVM_GET_SREGS, KVM_GET_FPU, KVM_GET_MSRS, KVM_SET_GUEST_DEBUG; Intel SDM volume 3, 18.2 debug
// registers). Absent: AVX, debug registers of the guest's own.
#include "hv/registers/x86_64.h"

#include <array>
#include <cstring>

#include "kvm/arch.h"
#include "kvm/ioctl_lists.h"
#include "kvm/register_ids.h"

namespace pv::kvm::arch {
namespace {

constexpr usize at(std::string_view name) {
  for (usize i = 0; i < hv::x86_64_registers.size(); ++i)
    if (hv::x86_64_registers[i].name == name) return i;
  return ~usize{0};
}

// The 64-bit registers of kvm_regs in the file's order, which begins with them.
constexpr auto general_fields = std::to_array<__u64 kvm_regs::*>(
    {&kvm_regs::rax, &kvm_regs::rbx, &kvm_regs::rcx, &kvm_regs::rdx, &kvm_regs::rsi, &kvm_regs::rdi,
     &kvm_regs::rbp, &kvm_regs::rsp, &kvm_regs::r8, &kvm_regs::r9, &kvm_regs::r10, &kvm_regs::r11,
     &kvm_regs::r12, &kvm_regs::r13, &kvm_regs::r14, &kvm_regs::r15, &kvm_regs::rip,
     &kvm_regs::rflags});
static_assert(at("rip") == 16 && at("eflags") == 17);

// In the order of cs ss ds es fs gs.
constexpr auto segment_fields =
    std::to_array<kvm_segment kvm_sregs::*>({&kvm_sregs::cs, &kvm_sregs::ss, &kvm_sregs::ds,
                                             &kvm_sregs::es, &kvm_sregs::fs, &kvm_sregs::gs});

struct ControlField {
  usize index;
  __u64 kvm_sregs::* field;
};
constexpr auto control_fields =
    std::to_array<ControlField>({{at("cr0"), &kvm_sregs::cr0},
                                 {at("cr2"), &kvm_sregs::cr2},
                                 {at("cr3"), &kvm_sregs::cr3},
                                 {at("cr4"), &kvm_sregs::cr4},
                                 {at("cr8"), &kvm_sregs::cr8},
                                 {at("efer"), &kvm_sregs::efer},
                                 {at("apic_base"), &kvm_sregs::apic_base}});

constexpr auto msr_ids = std::to_array<RegisterId>({{"k_gs_base", 0xc000'0102},
                                                    {"star", 0xc000'0081},
                                                    {"lstar", 0xc000'0082},
                                                    {"cstar", 0xc000'0083},
                                                    {"sfmask", 0xc000'0084},
                                                    {"sysenter_cs", 0x174},
                                                    {"sysenter_esp", 0x175},
                                                    {"sysenter_eip", 0x176}});
constexpr usize msr_index = at("k_gs_base");
static_assert(names_match(hv::x86_64_registers, msr_index, msr_ids));

// Built here: the kernel's structures have another layout in C++ (see Counted).
constexpr unsigned long get_msrs_request = _IOWR(KVMIO, 0x88, u64);
constexpr unsigned long set_msrs_request = _IOW(KVMIO, 0x89, u64);

u64 attributes(const kvm_segment& s) {
  return static_cast<u64>(s.type | s.s << 4 | s.dpl << 5 | s.present << 7 | s.avl << 8 | s.l << 9 |
                          s.db << 10 | s.g << 11);
}

Result<kvm_sregs> get_sregs(const Vcpu& vcpu) {
  kvm_sregs sregs{};
  TRY(checked_ioctl(vcpu.fd(), KVM_GET_SREGS, "the CPU's system registers (KVM_GET_SREGS)",
                    &sregs));
  return sregs;
}

Result<void> read_system(const Vcpu& vcpu, hv::RegisterFile& file) {
  kvm_sregs sregs = TRY(get_sregs(vcpu));
  for (usize i = 0; i < segment_fields.size(); ++i) {
    const kvm_segment& segment = sregs.*segment_fields[i];
    file.set(at("cs") + i, {segment.selector, 0});
    file.set(at("cs_base") + i, {segment.base, 0});
    file.set(at("cs_attributes") + i, {attributes(segment), 0});
  }
  for (const auto& [index, member] : control_fields) file.set(index, {sregs.*member, 0});
  file.set(at("tr"), {sregs.tr.selector, 0});
  file.set(at("ldt"), {sregs.ldt.selector, 0});
  file.set(at("tr_base"), {sregs.tr.base, 0});
  file.set(at("ldt_base"), {sregs.ldt.base, 0});
  file.set(at("gdt_base"), {sregs.gdt.base, 0});
  file.set(at("gdt_limit"), {sregs.gdt.limit, 0});
  file.set(at("idt_base"), {sregs.idt.base, 0});
  file.set(at("idt_limit"), {sregs.idt.limit, 0});
  // One at a time: KVM stops at the first that this host does not have.
  for (usize i = 0; i < msr_ids.size(); ++i) {
    Counted<kvm_msr_entry, 1> msr;
    msr.count = 1;
    msr.entries[0].index = static_cast<u32>(msr_ids[i].id);
    if (try_ioctl(vcpu.fd(), get_msrs_request, &msr) == 1)
      file.set(msr_index + i, {msr.entries[0].data, 0});
  }
  return {};
}

// gdb's tag word has two bits for each register, of which 3 is "empty"; KVM keeps one, 0 if empty.
u64 full_tags(u8 short_tags) {
  u64 tags = 0;
  for (unsigned i = 0; i < 8; ++i)
    if ((short_tags >> i & 1) == 0) tags |= 3ull << (2 * i);
  return tags;
}

Result<void> read_vector(const Vcpu& vcpu, hv::RegisterFile& file) {
  kvm_fpu fpu{};
  TRY(checked_ioctl(vcpu.fd(), KVM_GET_FPU, "the FPU's registers (KVM_GET_FPU)", &fpu));
  auto load = [](const u8* bytes, usize length) {
    hv::RegisterValue value;
    std::memcpy(&value.low, bytes, 8);
    std::memcpy(&value.high, bytes + 8, length - 8);
    return value;
  };
  for (usize i = 0; i < 8; ++i) file.set(at("st0") + i, load(fpu.fpr[i], 10));
  for (usize i = 0; i < 16; ++i) file.set(at("xmm0") + i, load(fpu.xmm[i], 16));
  file.set(at("fctrl"), {fpu.fcw, 0});
  file.set(at("fstat"), {fpu.fsw, 0});
  file.set(at("ftag"), {full_tags(fpu.ftwx), 0});
  file.set(at("fiseg"), {0, 0});
  file.set(at("fioff"), {fpu.last_ip & 0xffff'ffff, 0});
  file.set(at("foseg"), {0, 0});
  file.set(at("fooff"), {fpu.last_dp & 0xffff'ffff, 0});
  file.set(at("fop"), {fpu.last_opcode, 0});
  file.set(at("mxcsr"), {fpu.mxcsr, 0});
  return {};
}

Result<void> write_fpu(Vcpu& vcpu, usize index, hv::RegisterValue value) {
  kvm_fpu fpu{};
  TRY(checked_ioctl(vcpu.fd(), KVM_GET_FPU, "the FPU's registers (KVM_GET_FPU)", &fpu));
  auto store = [&](u8* bytes, usize length) {
    std::memcpy(bytes, &value.low, 8);
    std::memcpy(bytes + 8, &value.high, length - 8);
  };
  if (index >= at("xmm0") && index < at("mxcsr"))
    store(fpu.xmm[index - at("xmm0")], 16);
  else if (index >= at("st0") && index < at("fctrl"))
    store(fpu.fpr[index - at("st0")], 10);
  else if (index == at("mxcsr"))
    fpu.mxcsr = static_cast<u32>(value.low);
  else if (index == at("fctrl"))
    fpu.fcw = static_cast<u16>(value.low);
  else
    return fail(Error::Kind::host,
                text("{} cannot be written from outside", hv::x86_64_registers[index].name));
  TRY(checked_ioctl(vcpu.fd(), KVM_SET_FPU, "the FPU's registers (KVM_SET_FPU)", &fpu));
  return {};
}

Result<void> write_system(Vcpu& vcpu, usize index, u64 value) {
  if (index >= msr_index && index < msr_index + msr_ids.size()) {
    Counted<kvm_msr_entry, 1> msr;
    msr.count = 1;
    msr.entries[0] = {static_cast<u32>(msr_ids[index - msr_index].id), 0, value};
    if (try_ioctl(vcpu.fd(), set_msrs_request, &msr) == 1) return {};
    return fail(Error::Kind::host, text("KVM refused to set {}", hv::x86_64_registers[index].name));
  }
  kvm_sregs sregs = TRY(get_sregs(vcpu));
  bool found = false;
  for (const auto& [place, member] : control_fields)
    if (place == index) {
      sregs.*member = value;
      found = true;
    }
  if (index >= at("cs_base") && index < at("cs_attributes")) {
    (sregs.*segment_fields[index - at("cs_base")]).base = value;
    found = true;
  }
  if (!found)
    return fail(Error::Kind::host,
                text("{} cannot be written from outside", hv::x86_64_registers[index].name));
  TRY(checked_ioctl(vcpu.fd(), KVM_SET_SREGS, "the CPU's system registers (KVM_SET_SREGS)",
                    &sregs));
  return {};
}

}  // namespace

Result<void> read_registers(const Vcpu& vcpu, hv::RegisterGroups groups, hv::RegisterFile& file) {
  if (groups.general) {
    kvm_regs regs{};
    TRY(checked_ioctl(vcpu.fd(), KVM_GET_REGS, "the CPU's registers (KVM_GET_REGS)", &regs));
    for (usize i = 0; i < general_fields.size(); ++i) file.set(i, {regs.*general_fields[i], 0});
  }
  if (groups.vector) TRY(read_vector(vcpu, file));
  if (groups.system) TRY(read_system(vcpu, file));
  return {};
}

Result<hv::RegisterValue> read_register(const Vcpu& vcpu, usize index) {
  return read_with_group(vcpu, index);
}

Result<void> write_register(Vcpu& vcpu, usize index, hv::RegisterValue value) {
  if (index >= general_fields.size()) {
    if (hv::x86_64_registers[index].group == hv::RegisterGroup::vector)
      return write_fpu(vcpu, index, value);
    return write_system(vcpu, index, value.low);
  }
  kvm_regs regs{};
  TRY(checked_ioctl(vcpu.fd(), KVM_GET_REGS, "the CPU's registers (KVM_GET_REGS)", &regs));
  regs.*general_fields[index] = value.low;
  TRY(checked_ioctl(vcpu.fd(), KVM_SET_REGS, "the CPU's registers (KVM_SET_REGS)", &regs));
  return {};
}

namespace {

// Debug registers 0 to 3 and 7 for what is watched (Intel SDM volume 3, 18.2.4).
Result<void> fill(const hv::DebugControl& control, kvm_guest_debug& debug) {
  using Kind = hv::HardwareBreakpoint::Kind;
  if (control.enabled) debug.control = KVM_GUESTDBG_ENABLE;
  if (control.single_step) debug.control |= KVM_GUESTDBG_SINGLESTEP;
  if (control.software_breakpoints) debug.control |= KVM_GUESTDBG_USE_SW_BP;
  if (!control.hardware.empty()) debug.control |= KVM_GUESTDBG_USE_HW_BP;
  if (control.hardware.size() > 4)
    return fail(Error::Kind::host, "the processor has four breakpoint registers");
  for (usize i = 0; i < control.hardware.size(); ++i) {
    const auto& point = control.hardware[i];
    if (point.kind == Kind::read)
      return fail(Error::Kind::usage, "this processor cannot watch for reads alone",
                  "watch for reads and writes");
    u64 kind = point.kind == Kind::execute ? 0 : point.kind == Kind::write ? 1 : 3;
    u64 length = point.kind == Kind::execute ? 1 : point.length;
    if ((length != 1 && length != 2 && length != 4 && length != 8) || point.address % length != 0)
      return fail(Error::Kind::usage,
                  text("{} bytes at {:#x} cannot be watched", length, point.address),
                  "watch 1, 2, 4 or 8 bytes at a multiple of their number");
    u64 coded = length == 8 ? 2 : length - 1;
    debug.arch.debugreg[i] = point.address;
    debug.arch.debugreg[7] |= 2ull << (2 * i) | (kind | coded << 2) << (16 + 4 * i);
  }
  if (!control.hardware.empty()) debug.arch.debugreg[7] |= 1u << 9 | 1u << 10;
  return {};
}

// Not in headers before Linux 5.14; a kernel that does not know it refuses.
constexpr u32 guestdbg_blockirq = 0x0010'0000;

}  // namespace

Result<void> set_debug(Vcpu& vcpu, const hv::DebugControl& control) {
  kvm_guest_debug debug{};
  TRY(fill(control, debug));
  if (control.hold_interrupts) {
    debug.control |= guestdbg_blockirq;
    if (try_ioctl(vcpu.fd(), set_guest_debug, &debug) >= 0) return {};
    debug.control &= ~guestdbg_blockirq;
  }
  TRY(checked_ioctl(vcpu.fd(), set_guest_debug, "to debug the guest (KVM_SET_GUEST_DEBUG)",
                    &debug));
  return {};
}

// An instruction that KVM emulates (an access to a device, and where the processor does not tell
// the next RIP, many more) ends with flags without TF: KVM sets TF only at the RIP at which
// stepping was asked for last.
const bool forgets_steps = true;

Result<bool> deliver_breakpoint(Vcpu& vcpu, const hv::DebugControl& control) {
  kvm_guest_debug debug{};
  TRY(fill(control, debug));
  debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP;
  TRY(checked_ioctl(vcpu.fd(), set_guest_debug, "to deliver a breakpoint to the guest", &debug));
  return true;
}

hv::DebugLimits debug_limits(const Fd& vm, const Vcpu&) {
  hv::DebugLimits limits;
  limits.available = try_ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_SET_GUEST_DEBUG) > 0;
  limits.single_step = limits.software_breakpoints = limits.available;
  limits.breakpoints = limits.watchpoints = limits.available ? 4 : 0;  // shared between both
  limits.instruction = {0xcc};                                         // INT3
  limits.instruction_size = 1;
  return limits;
}

hv::Debug decode_debug(Vcpu& vcpu) {
  const auto& debug = vcpu.page().debug.arch;
  constexpr u32 breakpoint_exception = 3;
  constexpr u64 single_step = 1u << 14;
  if (debug.exception == breakpoint_exception) return {debug.pc, hv::DebugCause::software, 0};
  for (unsigned i = 0; i < 4; ++i) {
    if ((debug.dr6 >> i & 1) == 0 || (debug.dr7 >> (2 * i) & 3) == 0) continue;
    bool executes = (debug.dr7 >> (16 + 4 * i) & 3) == 0;
    // The exit does not carry the address.
    return {debug.pc, executes ? hv::DebugCause::hardware : hv::DebugCause::watch, 0, i};
  }
  if ((debug.dr6 & single_step) != 0) return {debug.pc, hv::DebugCause::step, 0};
  return {debug.pc, hv::DebugCause::unknown, 0};
}

}  // namespace pv::kvm::arch
