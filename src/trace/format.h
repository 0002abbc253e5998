// The trace file: what a run's virtual CPUs left to the monitor for, one record after the other.
// docs/trace-format.md describes it for programs; this is the same for ours.
//
//   header (64 bytes), then records of 40 bytes; after a record that says so, more bytes
//
// Little-endian everywhere, so that a trace of any host is read on any other. Records of one vCPU
// stand in the order in which they happened; those of different vCPUs are told apart by their time.
#pragma once

#include <optional>
#include <string_view>

#include "base/arch.h"
#include "base/endian.h"
#include "base/types.h"

namespace pv::trace {

constexpr char magic[8] = {'P', 'V', 'T', 'R', 'A', 'C', 'E', '\n'};
constexpr u32 version = 1;

enum class Kind : u8 { exits = 1, steps = 2 };

// Numbers of the format, never reused; `names` spells them.
enum class Cause : u8 {
  mmio_read = 1,
  mmio_write = 2,
  port_read = 3,
  port_write = 4,
  hypercall = 5,
  nisv = 6,
  unemulated = 7,
  debug = 8,
  fail_entry = 9,
  internal_error = 10,
  system_event = 11,
  triple_fault = 12,
  halted = 13,
  interrupted = 14,
  unknown = 15,
  step = 16,  // one instruction has been executed
  lost = 17,  // `value` records of this vCPU are missing here
  mark = 18,  // a write to the machine's mark register: `value` is the mark's number
};
constexpr usize cause_count = 19;
// "mmio-read"; "?" for a number that this version does not know.
std::string_view name(Cause cause);

struct Header {
  char magic[8];
  Le32 version;
  Le32 header_size;
  u8 arch;  // 1 aarch64, 2 riscv64, 3 powerpc, 4 x86_64
  u8 kind;
  Le16 vcpus;
  Le32 record_size;
  Le64 wall_ns;    // when the run began: nanoseconds since 1970
  Le32 registers;  // how many a step can tell (the architecture's table); 0 for exits
  char board[16];  // as --board has it, zeros behind it; nothing: the default
  u8 reserved[12];
};
static_assert(sizeof(Header) == 64);

enum Flag : u8 {
  has_pc = 1,
  has_value = 2,
  big = 4,  // `extra` more registers follow: see StepRegister
};

struct Record {
  Le64 time_ns;  // since the run began
  Le64 pc;       // with has_pc: the guest's program counter
  Le64 address;  // MMIO: guest-physical; port; hypercall: extension; system event: type; or 0
  Le64 value;    // with has_value: read or written; hypercall: function; else a detail
  u8 cause;
  u8 width;  // bytes of the access, 0 where there is none
  u8 flags;
  u8 extra;  // of a step: registers that follow
  Le16 vcpu;
  Le16 reserved;
};
static_assert(sizeof(Record) == 40);

// Behind a step: a register that the instruction (or what came in between) has changed.
struct StepRegister {
  Le16 index;  // into the architecture's table (src/hv/registers/)
  Le16 reserved[3];
  Le64 value;
};
static_assert(sizeof(StepRegister) == 16);

constexpr u8 number_of(Arch arch) { return static_cast<u8>(static_cast<u8>(arch) + 1); }
std::optional<Arch> arch_of(u8 number);

}  // namespace pv::trace
