// The headers of an ELF file, 32 and 64 bit, either byte order, for those in this folder who read
// them: parse_elf() to load, inspect() to explain. Specification: System V gABI, chapters 4 and 5.
#pragma once

#include <bit>
#include <vector>

#include "base/endian.h"
#include "boot/content.h"

namespace pv::boot {

enum Machine : u16 {
  em_386 = 3,
  em_mips = 8,
  em_ppc = 20,
  em_ppc64 = 21,
  em_s390 = 22,
  em_arm = 40,
  em_sparcv9 = 43,
  em_x86_64 = 62,
  em_aarch64 = 183,
  em_riscv = 243,
  em_loongarch = 258,
};
enum ElfType : u16 { et_rel = 1, et_exec = 2, et_dyn = 3, et_core = 4 };
enum SegmentType : u32 { pt_load = 1, pt_interp = 3, pt_note = 4 };

// "aarch64"; nullptr where there is no word for it.
const char* machine_name(u16 machine);

// Fields by offset, in the file's own byte order and word size.
class Fields {
 public:
  Fields(Bytes bytes, bool wide, std::endian order) : bytes_(bytes), wide_(wide), order_(order) {}
  u16 half(usize offset) const { return get<u16>(offset); }
  u32 word(usize offset) const { return get<u32>(offset); }
  // An address, offset or size, which lies at different places in the two classes.
  u64 native(usize offset32, usize offset64) const {
    return wide_ ? get<u64>(offset64) : get<u32>(offset32);
  }

 private:
  template <class T>
  T get(usize offset) const {
    T value = load_as<T>(bytes_, offset);
    return order_ == std::endian::native ? value : std::byteswap(value);
  }
  Bytes bytes_;
  bool wide_;
  std::endian order_;
};

struct ProgramHeader {
  u32 type;
  u64 offset, vaddr, paddr, filesz, memsz, align;
};

// The header, decoded.
struct Elf {
  bool wide;
  std::endian order;
  u16 type, machine, count, entry_size;
  u64 entry, table;
};

// Errors: cut off, of unknown class or byte order.
Result<Elf> parse_elf_header(const Content& content);
// Errors: none, too many or too short, or not in the file.
Result<std::vector<ProgramHeader>> parse_program_headers(const Content& content, const Elf& elf);

}  // namespace pv::boot
