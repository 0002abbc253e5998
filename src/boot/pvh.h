// PVH: the start-of-day structure of an x86 ELF kernel with a XEN_ELFNOTE_PHYS32_ENTRY note.
// Specification: Xen docs/misc/pvh.pandoc and xen/include/public/arch-x86/hvm/start_info.h,
// version 1.
#pragma once

#include <span>
#include <vector>

#include "base/types.h"
#include "boot/zero_page.h"

namespace pv::boot {

struct PvhStart {
  GuestAddress at;  // where the bytes will lie; 8-byte aligned
  std::span<const E820Entry> memory_map;
  GuestAddress command_line = {};  // zero-terminated string; 0: none
  GuestRange initrd = {};          // module 0; size 0: none
  GuestAddress rsdp = {};          // 0: none
};
// hvm_start_info followed by the module list and the memory map it points to; ebx = `at`.
std::vector<u8> build_pvh_start(const PvhStart& start);

}  // namespace pv::boot
