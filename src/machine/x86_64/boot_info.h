// The x86_64 machine state at the first instruction (docs/boot-contract.md): page tables, GDT and
// registers for the 64-bit Linux entry, and the 32-bit state of PVH.
#pragma once

#include "base/result.h"
#include "boot/image.h"
#include "machine/x86_64/boot_state.h"
#include "memory/guest_memory.h"

namespace pv::machine::x86_64 {

// Writes GDT and (for the 64-bit entry) identity page tables over the first 4 GiB.
Result<void> write_tables(memory::GuestMemory& ram, boot::EntryProtocol protocol);

// The bootstrap processor's state; `protocol` is x86_linux64 or x86_pvh.
BootState first_cpu_state(boot::EntryProtocol protocol, u64 entry);

}  // namespace pv::machine::x86_64
