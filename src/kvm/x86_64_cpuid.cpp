#include "kvm/x86_64_cpuid.h"

#include <memory>

#include "kvm/ioctl.h"

namespace pv::kvm {
namespace {

using Table = Counted<kvm_cpuid_entry2, 160>;
constexpr unsigned long get_supported = _IOWR(KVMIO, 0x05, u64);  // KVM_GET_SUPPORTED_CPUID
constexpr unsigned long set_cpuid2 = _IOW(KVMIO, 0x90, u64);      // KVM_SET_CPUID2

u32 bits_for(unsigned cpus) {
  u32 bits = 0;
  while ((1u << bits) < cpus) ++bits;
  return bits;
}

struct Topology {
  unsigned index;
  unsigned cpus;
};

// Extended topology (leaf 0xb and 0x1f): one thread a core, all cores in one package.
void extended_topology(kvm_cpuid_entry2& e, Topology t) {
  e.eax = e.index == 0 ? 0 : e.index == 1 ? bits_for(t.cpus) : 0;
  e.ebx = e.index == 0 ? 1 : e.index == 1 ? t.cpus : 0;
  u32 level_type = e.index == 0 ? 1 : e.index == 1 ? 2 : 0;  // SMT, core, invalid
  e.ecx = e.index | (level_type << 8);
  e.edx = t.index;
}

void adapt(kvm_cpuid_entry2& e, Topology t, bool tsc_deadline) {
  switch (e.function) {
    case 0x1:
      e.ebx = (e.ebx & 0x0000ffff) | (t.cpus << 16) | (t.index << 24);
      e.ecx |= 1u << 31;  // a hypervisor is present
      if (tsc_deadline) e.ecx |= 1u << 24;
      e.edx = t.cpus > 1 ? e.edx | (1u << 28) : e.edx & ~(1u << 28);  // HTT
      break;
    case 0x4:
    case 0x8000001d: {
      u32 sharing = ((e.eax >> 5) & 7) >= 3 ? t.cpus - 1 : 0;  // level 3 is shared by all cores
      u32 cores = e.function == 4 ? (t.cpus - 1) << 26 : 0;
      e.eax = (e.eax & 0x00003fff) | (sharing << 14) | cores;
      break;
    }
    case 0xb:
    case 0x1f: extended_topology(e, t); break;
    case 0x80000008: e.ecx = (bits_for(t.cpus) << 12) | (t.cpus - 1); break;
    case 0x8000001e:
      e.eax = t.index;
      e.ebx = t.index;
      e.ecx = 0;
      break;
    default: break;
  }
}

// Leaf 0x40000010: TSC and APIC bus frequency in kHz, as several hypervisors tell them.
void add_timing(Table& table, u32 tsc_khz) {
  if (tsc_khz == 0 || table.count == Table::capacity) return;
  kvm_cpuid_entry2& e = table.entries[table.count++];
  e = {};
  e.function = 0x40000010;
  e.eax = tsc_khz;
  e.ebx = 1'000'000;  // KVM's local APICs count nanoseconds
  for (u32 i = 0; i < table.count; ++i)
    if (table.entries[i].function == 0x40000000 && table.entries[i].eax < 0x40000010)
      table.entries[i].eax = 0x40000010;
}

}  // namespace

Result<void> set_cpuid(const Fd& kvm, const Fd& vcpu, unsigned index, unsigned cpus, u32 tsc_khz,
                       bool tsc_deadline) {
  auto table = std::make_unique<Table>();
  table->count = Table::capacity;
  TRY(checked_ioctl(kvm, get_supported, "KVM_GET_SUPPORTED_CPUID", table.get()));
  for (u32 i = 0; i < table->count; ++i) adapt(table->entries[i], {index, cpus}, tsc_deadline);
  add_timing(*table, tsc_khz);
  TRY(checked_ioctl(vcpu, set_cpuid2, "the CPU's features (KVM_SET_CPUID2)", table.get()));
  return {};
}

}  // namespace pv::kvm
