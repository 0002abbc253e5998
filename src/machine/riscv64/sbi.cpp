#include "machine/riscv64/sbi.h"

#include <algorithm>
#include <array>

namespace pv::machine::riscv64 {
namespace {

constexpr u64 extension_dbcn = 0x4442434e;
constexpr u64 function_write = 0, function_read = 1, function_write_byte = 2;

// SBI 2.0, section 3.1
constexpr Machine::CallResult success(u64 value) { return {0, value}; }
constexpr Machine::CallResult not_supported{-2, 0};
constexpr Machine::CallResult invalid_parameter{-3, 0};

}  // namespace

Machine::CallResult SbiConsole::call(const hv::Hypercall& call) {
  if (call.extension != extension_dbcn) return not_supported;
  switch (call.function) {
    case function_write:
      // The address is 128 bits in two registers; RAM lies in the low one.
      if (call.arguments[2] != 0) return invalid_parameter;
      return write(call.arguments[0], call.arguments[1]);
    case function_read: return success(0);
    case function_write_byte: {
      u8 byte = static_cast<u8>(call.arguments[0]);
      out_.write({&byte, 1});
      return success(0);
    }
    default: return not_supported;
  }
}

// One call may write less than was asked for; the guest repeats.
Machine::CallResult SbiConsole::write(u64 bytes, u64 address) {
  std::array<u8, 1024> copy;
  MutableBytes part(copy.data(), static_cast<usize>(std::min<u64>(bytes, copy.size())));
  if (!ram_.read_bytes(memory::GuestAddress(address), part)) return invalid_parameter;
  out_.write(part);
  return success(part.size());
}

}  // namespace pv::machine::riscv64
