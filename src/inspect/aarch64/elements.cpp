#include "inspect/aarch64/elements.h"

#include <algorithm>

namespace pv::inspect::aarch64 {
namespace {

using Layout = LoadStore::Layout;

// A register's bytes, the least significant first.
using RegisterBytes = std::array<u8, 16>;

RegisterBytes to_bytes(hv::RegisterValue value) {
  RegisterBytes bytes;
  for (usize i = 0; i < 8; ++i) {
    bytes[i] = static_cast<u8>(value.low >> 8 * i);
    bytes[8 + i] = static_cast<u8>(value.high >> 8 * i);
  }
  return bytes;
}

hv::RegisterValue from_bytes(const RegisterBytes& bytes) {
  hv::RegisterValue value;
  for (usize i = 0; i < 8; ++i) {
    value.low |= u64{bytes[i]} << 8 * i;
    value.high |= u64{bytes[8 + i]} << 8 * i;
  }
  return value;
}

// Calls `visit(element's number, slot, byte within the register)` in the order of addresses.
template <class Visit>
void each_element(const LoadStore& a, Visit visit) {
  bool all_lanes = a.layout == Layout::consecutive || a.layout == Layout::interleaved;
  usize lanes = all_lanes ? a.lanes : 1, first = a.layout == Layout::lane ? a.lane : 0;
  usize size = a.element_bytes(), count = a.registers * lanes;
  for (usize i = 0; i < count; ++i) {
    bool interleaved = a.layout == Layout::interleaved;
    usize slot = interleaved ? i % a.registers : i / lanes;
    usize lane = interleaved ? i / a.registers : i % lanes;
    visit(i, slot, (first + lane) * size);
  }
}

}  // namespace

void store(const LoadStore& a, const RegisterValues& values, bool big_endian, MemoryBytes& memory) {
  std::array<RegisterBytes, 4> raw;
  std::transform(values.begin(), values.end(), raw.begin(), to_bytes);
  usize size = a.element_bytes();
  each_element(a, [&](usize i, usize slot, usize at) {
    u8* out = memory.data() + i * size;
    std::copy_n(raw[slot].data() + at, size, out);
    if (big_endian) std::reverse(out, out + size);
  });
}

void load(const LoadStore& a, const MemoryBytes& memory, bool big_endian, RegisterValues& values) {
  std::array<RegisterBytes, 4> raw;
  std::transform(values.begin(), values.end(), raw.begin(), to_bytes);
  usize size = a.element_bytes(), copies = a.layout == Layout::replicate ? a.lanes : 1;
  each_element(a, [&](usize i, usize slot, usize at) {
    const u8* in = memory.data() + i * size;
    for (usize copy = 0; copy < copies; ++copy) {
      u8* out = raw[slot].data() + at + copy * size;
      std::copy_n(in, size, out);
      if (big_endian) std::reverse(out, out + size);
    }
  });
  std::transform(raw.begin(), raw.end(), values.begin(), from_bytes);
  if (!a.sign_extend) return;
  unsigned unused = 64 - 8 * a.element_bytes();
  for (hv::RegisterValue& value : values) {
    value.low = static_cast<u64>(static_cast<i64>(value.low << unused) >> unused);
    if (!a.wide) value.low &= 0xffff'ffff;
  }
}

}  // namespace pv::inspect::aarch64
