// Which registers a client sees, in which order and of which size, and the document that tells it
// so (target.xml): gdb's own features for what it knows, `org.polyvisor.system` for the rest.
//
// Specification: Debugging with GDB (13), appendix G (target descriptions), G.5 standard features.
// Absent: flags and unions of fields; gdb's features for vectors other than SSE and AdvSIMD.
#pragma once

#include <string>
#include <vector>

#include "hv/registers.h"

namespace pv::inspect::gdb {

struct WireRegister {
  usize index;  // in hv's table
  u32 bytes;    // as the client sees it
  u32 offset;   // in the answer to `g`
};

struct Description {
  Arch arch = host_arch;
  std::vector<WireRegister> registers;  // by the client's numbers
  usize in_g = 0;                       // so many of them are in the answer to `g`
  std::string xml;
  // Bytes in the answer to `g`.
  usize g_size() const {
    return in_g == 0 ? 0 : registers[in_g - 1].offset + usize{registers[in_g - 1].bytes};
  }
};

// `sample` (all groups) tells which registers this host knows: only those of the system group that
// it does are offered, and a floating-point unit only where there is one.
Description describe(const hv::RegisterFile& sample);

// A register's bytes in the target's order, as hexadecimal digits; "xx" for what is not known.
std::string wire_value(const Description& description, const WireRegister& wire,
                       const hv::RegisterFile& file);
// The other way; `bytes` has wire.bytes bytes.
hv::RegisterValue register_value(const Description& description, const WireRegister& wire,
                                 Bytes bytes);

}  // namespace pv::inspect::gdb
