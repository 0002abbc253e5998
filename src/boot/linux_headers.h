// The 64-byte headers at the start of Linux Images: arm64 (Documentation/arch/arm64/booting.rst,
// "Call the kernel image") and riscv (Documentation/arch/riscv/boot-image-header.rst). Only this
// folder includes it.
#pragma once

#include "base/endian.h"

namespace pv::boot {

struct Arm64Header {
  Le32 code[2];
  Le64 text_offset;
  Le64 image_size;
  Le64 flags;  // bit 0: big-endian; 1, 2: page size; 3: may lie anywhere in RAM
  Le64 reserved[3];
  Le32 magic;  // "ARM\x64"
  Le32 pe_offset;
};
static_assert(sizeof(Arm64Header) == 64);

struct RiscvHeader {
  Le32 code[2];
  Le64 text_offset;
  Le64 image_size;
  Le64 flags;  // bit 0: big-endian
  Le32 version;
  Le32 reserved1;
  Le64 reserved2;
  Le64 magic;   // "RISCV", deprecated
  Le32 magic2;  // "RSC\x05"
  Le32 pe_offset;
};
static_assert(sizeof(RiscvHeader) == 64);

// The whole header, zeros where the file is shorter.
template <class Header>
Header header_of(Bytes head) {
  Header header{};
  std::memcpy(&header, head.data(), head.size() < sizeof header ? head.size() : sizeof header);
  return header;
}

}  // namespace pv::boot
