// The machine state at an x86 vCPU's first instruction (docs/boot-contract.md).
#pragma once

#include "base/types.h"

namespace pv::machine::x86_64 {

struct Segment {
  u64 base = 0;
  u32 limit = 0;
  u16 selector = 0;
  u8 type = 0;  // descriptor type field, 4 bits
  bool long_mode = false;
  bool big = false;          // D/B
  bool code_or_data = true;  // S
  bool granular = false;
};

struct BootState {
  bool wait_for_sipi = false;  // an application processor: everything below is unused
  u64 rip = 0;
  u64 rsp = 0;
  u64 rsi = 0;
  u64 rbx = 0;
  u64 cr0 = 0;
  u64 cr3 = 0;
  u64 cr4 = 0;
  u64 efer = 0;
  Segment cs, ds, tss;  // ds is loaded into ds, es, ss, fs and gs
  u64 gdt_base = 0;
  u16 gdt_limit = 0;
};

}  // namespace pv::machine::x86_64
