#include "boot/elf_file.h"

#include "base/text.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

constexpr unsigned most_headers = 1024;

ProgramHeader program_header(const Fields& f) {
  return {f.word(0),        f.native(4, 8),   f.native(8, 16), f.native(12, 24),
          f.native(16, 32), f.native(20, 40), f.native(28, 48)};
}

}  // namespace

const char* machine_name(u16 machine) {
  switch (machine) {
    case em_386: return "32-bit x86";
    case em_mips: return "MIPS";
    case em_ppc: return "32-bit PowerPC";
    case em_ppc64: return "64-bit PowerPC";
    case em_s390: return "s390";
    case em_arm: return "32-bit Arm";
    case em_sparcv9: return "SPARC";
    case em_x86_64: return "x86_64";
    case em_aarch64: return "aarch64";
    case em_riscv: return "RISC-V";
    case em_loongarch: return "LoongArch";
    default: return nullptr;
  }
}

Result<Elf> parse_elf_header(const Content& content) {
  Bytes head = content.head();
  u8 file_class = head.size() > 4 ? head[4] : u8{0};
  u8 data = head.size() > 5 ? head[5] : u8{0};
  usize size = file_class == 2 ? 64 : 52;
  if (head.size() < size)
    return bad_image(content, text("is an ELF file cut off after {} bytes", head.size()),
                     "copy the file again");
  if (file_class < 1 || file_class > 2 || data < 1 || data > 2)
    return bad_image(content,
                     text("is an ELF file of unknown class {} or byte order {}", file_class, data));
  Elf elf{};
  elf.wide = file_class == 2;
  elf.order = data == 1 ? std::endian::little : std::endian::big;
  Fields f(head, elf.wide, elf.order);
  elf.type = f.half(16);
  elf.machine = f.half(18);
  elf.entry = f.native(24, 24);
  elf.table = f.native(28, 32);
  elf.entry_size = f.half(elf.wide ? 54 : 42);
  elf.count = f.half(elf.wide ? 56 : 44);
  return elf;
}

Result<std::vector<ProgramHeader>> parse_program_headers(const Content& content, const Elf& elf) {
  if (elf.count == 0)
    return bad_image(content, "is an ELF file without program headers: it has nothing to load",
                     "link it with a linker script that makes loadable segments");
  if (elf.entry_size < (elf.wide ? 56 : 32) || elf.count > most_headers)
    return bad_image(
        content,
        text("has a broken ELF header: {} program headers of {} bytes", elf.count, elf.entry_size),
        "copy the file again");
  std::vector<u8> table(usize{elf.count} * elf.entry_size);
  if (!content.holds(elf.table, table.size()))
    return bad_image(content,
                     text("is truncated: its program headers lie at offset {:#x}, but the file has "
                          "{:#x} bytes",
                          elf.table, content.size()),
                     "copy the file again");
  TRY(content.read(elf.table, table));
  std::vector<ProgramHeader> headers;
  for (usize i = 0; i < elf.count; ++i)
    headers.push_back(
        program_header(Fields(Bytes(table).subspan(i * elf.entry_size), elf.wide, elf.order)));
  return headers;
}

}  // namespace pv::boot
