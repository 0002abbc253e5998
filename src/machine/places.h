// What lies where on the default boards, by name: for traces, which know addresses only. From the
// same tables as the boards themselves (machine/<arch>/memory_map.h, boards/virt.h). Absent: other
// boards.
#pragma once

#include <string>

#include "base/arch.h"
#include "base/types.h"

namespace pv::machine {

// "uart", "virtio 2", "plic", "ram"; empty where nothing is. `port`: an x86 port.
std::string place_of(Arch arch, bool port, u64 address);

// Whether a write here is a mark (docs/boot-contract.md, "Marks"): by it a guest says how far it
// has come. No device answers there: the write is seen by who traces the run.
bool is_mark(Arch arch, bool port, u64 address);

}  // namespace pv::machine
