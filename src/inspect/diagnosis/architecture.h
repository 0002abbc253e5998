// What the diagnosis asks about an architecture, in terms that all four share. One file for each
// answers: diagnosis/<arch>.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hv/registers.h"
#include "inspect/subject.h"

namespace pv::inspect {

// The part of the guest's exception entry that a PC is in.
struct Slot {
  std::string name;  // "synchronous exception, current level with SP_ELx (0x200)"
  u64 begin = 0, size = 0;
  bool synchronous = false;  // faults come here (other things may, too)
};

// The last exception that the CPU has recorded. Registers keep it when it has been dealt with.
struct Recorded {
  bool fault = false;  // something is wrong with what was executed; no system call, no interrupt
  std::string cause;   // in words
  u64 syndrome = 0;    // the raw register, for comparing
  u64 return_address = 0;
  std::optional<u64> address;  // that was accessed
  bool data = false;           // by a load or store
  bool write = false;
};

struct CpuState {
  u64 pc = 0, sp = 0;
  u64 frame = 0;  // the frame pointer (powerpc: the back chain's begin)
  u64 link = 0;   // the return address's register; 0: there is none
  std::string mode;
  bool user = false;
  bool interrupts_masked = false;
  bool all_masked = false;   // known, and urgent ones (FIQ, critical) are masked, too; NMIs aside
  bool translation = false;  // the MMU is on
  std::optional<Slot> slot;
  std::optional<Recorded> recorded;
  u64 vectors = 0;                 // where exceptions go (base)
  std::optional<u64> fault_entry;  // where a fault at this moment would go
  bool waits = false;              // asleep by other means than a wait instruction at PC
  bool unstarted = false;          // in a loop of the monitor's, until another CPU starts it
  // In a wait instruction now: can anything end it? Empty: something may. `sure`: by the registers
  // alone, whatever devices do.
  std::string no_wake;
  bool sure = false;
  std::optional<bool> timer_armed;
  std::string timer;  // in words
};

enum class Op : u8 {
  other,
  wait,       // WFI, WFE, HLT, wait
  jump,       // to `target`, always
  branch,     // to `target`, perhaps
  undefined,  // surely no instruction
};

struct Instruction {
  Op op = Op::other;
  unsigned size = 4;
  u64 target = 0;
};

struct Architecture {
  CpuState (*state)(const hv::RegisterFile&);
  // `code` begins at `address` and may be short; size 0: too short.
  Instruction (*decode)(Bytes code, u64 address);
  // System registers in words, one each line.
  std::vector<std::string> (*words)(const hv::RegisterFile&, const CpuState&);
  unsigned alignment;  // of instructions
  // Both false: the frame record is {previous frame, return address} at the frame pointer.
  bool frame_below;  // riscv64: the record ends at the frame pointer
  bool back_chain;   // powerpc: the stack pointer is a list; the return address is in the next
  // What only memory tells; may be null.
  void (*refine)(Subject&, const hv::RegisterFile&, CpuState&) = nullptr;
};
const Architecture& architecture(Arch arch);

namespace aarch64 {
extern const Architecture diagnosed;
}
namespace riscv64 {
extern const Architecture diagnosed;
}
namespace powerpc {
extern const Architecture diagnosed;
}
namespace x86_64 {
extern const Architecture diagnosed;
}

}  // namespace pv::inspect
