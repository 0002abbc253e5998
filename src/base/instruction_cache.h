// After instructions have been written through a data address: makes every CPU fetch the new ones.
#pragma once

#include "base/types.h"

namespace pv {

inline void flush_instructions(void* begin, usize size) {
#if defined(__powerpc__)
  // The compiler's function does nothing there. A line is at least 32 bytes (Power ISA 2.06, book
  // II, 4.3).
  auto first = reinterpret_cast<uintptr_t>(begin) & ~uintptr_t{31};
  auto end = reinterpret_cast<uintptr_t>(begin) + size;
  for (auto line = first; line < end; line += 32)
    asm volatile("dcbst 0,%0" : : "r"(line) : "memory");
  asm volatile("sync" : : : "memory");
  for (auto line = first; line < end; line += 32)
    asm volatile("icbi 0,%0" : : "r"(line) : "memory");
  asm volatile("sync\n\tisync" : : : "memory");
#else
  auto* from = static_cast<char*>(begin);
  __builtin___clear_cache(from, from + size);
#endif
}

}  // namespace pv
