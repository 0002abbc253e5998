// A virtual CPU's registers by their architectural names, as gdb, the diagnosis, traces and the
// completion of accesses see them. The tables (hv/registers/<arch>.h) exist for every architecture
// in every binary, so that one machine can look at another's dump.
//
// Names are the manuals' in lower case; where gdb has a name for it, gdb's. A register wider than
// 64 bits uses `high` too. Absent: SVE, AVX, SPE's upper halves, matrix registers.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/arch.h"
#include "base/result.h"

namespace pv::hv {

enum class RegisterGroup : u8 { general, vector, system };

struct RegisterInfo {
  const char* name;
  u16 bits;  // 8 to 128
  RegisterGroup group;
};
using RegisterTable = std::span<const RegisterInfo>;

struct RegisterValue {
  u64 low = 0;
  u64 high = 0;  // bits 64 to 127
  bool operator==(const RegisterValue&) const = default;
};

// Which groups are wanted: each register may cost a system call.
struct RegisterGroups {
  bool general = true;
  bool vector = false;
  bool system = false;
  constexpr bool has(RegisterGroup group) const {
    switch (group) {
      case RegisterGroup::general: return general;
      case RegisterGroup::vector: return vector;
      case RegisterGroup::system: return system;
    }
    return false;
  }
};
inline constexpr RegisterGroups all_registers{true, true, true};

// One entry of a Book3E TLB as MAS registers hold it (Power ISA 2.06, Book III-E, 6.10.3).
struct TlbEntry {
  u32 mas1 = 0;    // V, IPROT, TID, TS, TSIZE
  u32 mas8 = 0;    // TGS, VF, TLPID
  u64 mas2 = 0;    // EPN, WIMGE
  u64 mas7_3 = 0;  // RPN, permissions
};

// What the vCPU does apart from executing instructions, as far as the host tells
// (KVM_GET_MP_STATE): a guest that waits for an interrupt inside the kernel is `running`.
enum class Activity : u8 { unknown, running, halted, waits_for_start, stopped, suspended };

constexpr std::string_view name(Activity activity) {
  constexpr std::string_view names[] = {"unknown",         "running", "halted",
                                        "waits for start", "stopped", "suspended"};
  return names[static_cast<usize>(activity)];
}

// A vCPU's registers at one moment. `values` and `known` have the table's order and length; what
// was not asked for, or is not known to the host, is not `known`.
struct RegisterFile {
  Arch arch = host_arch;
  RegisterTable table;
  std::vector<RegisterValue> values;
  std::vector<u8> known;
  std::vector<TlbEntry> tlb;  // powerpc, with the system group: TLB0's entries, then TLB1's
  usize tlb0_entries = 0;     // how many of them are TLB0's
  Activity activity = Activity::unknown;

  RegisterFile() = default;
  RegisterFile(Arch of, RegisterTable names)
      : arch(of), table(names), values(names.size()), known(names.size()) {}

  std::optional<usize> index(std::string_view name) const {
    for (usize i = 0; i < table.size(); ++i)
      if (name == table[i].name) return i;
    return std::nullopt;
  }
  std::optional<u64> get(std::string_view name) const {
    auto i = index(name);
    if (!i || known[*i] == 0) return std::nullopt;
    return values[*i].low;
  }
  u64 get_or(std::string_view name, u64 otherwise) const { return get(name).value_or(otherwise); }
  void set(usize i, RegisterValue value) {
    values[i] = value;
    known[i] = 1;
  }
  // False: this architecture has no such register.
  bool set(std::string_view name, u64 value) {
    auto i = index(name);
    if (i) set(*i, {value, 0});
    return i.has_value();
  }
};

// The table of an architecture; the order is the one of RegisterFile.
RegisterTable register_table(Arch arch);
// The name of the program counter in it.
constexpr std::string_view program_counter(Arch arch) {
  return arch == Arch::x86_64 ? "rip" : "pc";
}

}  // namespace pv::hv
