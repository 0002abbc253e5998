// Between an instruction's registers and the bytes that it has in memory: lanes, interleaving, byte
// order, extension. Arm ARM DDI 0487J, shared/functions/memory (BigEndianReverse), C6.2, C7.2.
#pragma once

#include <array>

#include "hv/registers.h"
#include "inspect/aarch64/load_store.h"

namespace pv::inspect::aarch64 {

// By slot: rt, then rt2 or the registers after rt. A general register has `low` alone.
using RegisterValues = std::array<hv::RegisterValue, 4>;
// As many as LoadStore::bytes() says, in the order of their addresses.
using MemoryBytes = std::array<u8, 64>;

void store(const LoadStore& a, const RegisterValues& values, bool big_endian, MemoryBytes& memory);
// `values` holds the old ones where only a lane of each is loaded, else zeros.
void load(const LoadStore& a, const MemoryBytes& memory, bool big_endian, RegisterValues& values);

}  // namespace pv::inspect::aarch64
