// Inspecting ELF files: what a kernel's segments say of where it wants to lie.
#include <algorithm>

#include "base/text.h"
#include "boot/elf_file.h"
#include "boot/inspect_parts.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

std::optional<Arch> arch_of(u16 machine) {
  switch (machine) {
    case em_aarch64: return Arch::aarch64;
    case em_riscv: return Arch::riscv64;
    case em_x86_64:
    case em_386: return Arch::x86_64;
    case em_ppc:
    case em_ppc64: return Arch::powerpc;
    default: return std::nullopt;
  }
}

const char* type_name(u16 type) {
  switch (type) {
    case et_rel: return "object file, not linked";
    case et_exec: return "program at fixed addresses";
    case et_dyn: return "position-independent program";
    case et_core: return "core dump";
    default: return "unknown type";
  }
}

std::string segment_words(const ProgramHeader& header) {
  std::string words = text("{:#x}", header.paddr);
  if (header.memsz != 0 && header.memsz - 1 <= ~u64{0} - header.paddr)
    words = range_text({GuestAddress(header.paddr), header.memsz});
  words += text(", {} from the file", rounded_size(header.filesz));
  if (header.memsz > header.filesz)
    words += text(", {} of zeros (BSS)", rounded_size(header.memsz - header.filesz));
  if (header.vaddr != header.paddr) words += text(", runs at {:#x}", header.vaddr);
  return words;
}

// Instructions lie at multiples of this.
u64 instruction_size(u16 machine) {
  switch (machine) {
    case em_aarch64:
    case em_ppc:
    case em_ppc64: return 4;
    case em_riscv: return 2;
    default: return 1;
  }
}

void check_segments(const Elf& elf, std::span<const ProgramHeader> headers, Inspection& into) {
  bool entry_inside = false;
  for (const ProgramHeader& header : headers) {
    if (header.type != pt_load) continue;
    // By virtual address first: where a kernel is linked to one address and loaded to another.
    for (u64 base : {header.vaddr, header.paddr})
      entry_inside |= elf.entry >= base && elf.entry - base < header.memsz;
  }
  if (!entry_inside && elf.type == et_exec)
    suspect(into, text("its entry point {:#x} lies in nothing that it loads", elf.entry),
            "name the entry point to the linker: ENTRY(symbol) or -e symbol");
  if (!is_aligned(elf.entry, instruction_size(elf.machine)))
    suspect(into, text("its entry point {:#x} is not aligned as instructions are", elf.entry));
  if (elf.type == et_dyn)
    note(into, "position-independent: it is not relocated, and runs as linked where it is loaded");
}

}  // namespace

Result<void> inspect_elf(const Content& content, Inspection& into) {
  Elf elf = TRY(parse_elf_header(content));
  const char* machine = machine_name(elf.machine);
  into.arch = arch_of(elf.machine);
  into.what = text("a{} ELF file for {}", elf.wide ? " 64-bit" : " 32-bit",
                   machine != nullptr ? machine : text("machine {}", elf.machine));
  auto& fields = into.fields;
  fields.push_back(
      {"byte_order", "byte order", elf.order == std::endian::big ? "big-endian" : "little-endian"});
  fields.push_back({"type", "type", type_name(elf.type)});
  if (elf.type == et_rel || elf.type == et_core || elf.count == 0) return {};
  fields.push_back({"entry", "entry point", text("{:#x}", elf.entry)});
  const auto headers = TRY(parse_program_headers(content, elf));
  constexpr usize most_shown = 16;
  usize loads = 0;
  for (const ProgramHeader& header : headers) {
    if (header.type == pt_interp) {
      into.kind = Inspection::Kind::foreign;
      into.what += ", dynamically linked: a program for an operating system";
      into.instead = "give a kernel, or link it -static and for no operating system";
    }
    if (header.type == pt_load && header.memsz != 0 && ++loads <= most_shown)
      fields.push_back({"segment", "segment", segment_words(header)});
  }
  if (loads > most_shown)
    fields.push_back({"segments", "segments", text("{} more", loads - most_shown)});
  check_segments(elf, headers, into);
  return scan_kernel(TRY(ByteStream::of(content)), into);
}

}  // namespace pv::boot
