// ELF files, 32 and 64 bit, either byte order, loaded by physical address (p_paddr).
// Specification: System V gABI, chapters 4 and 5; PVH's note: Xen public/elfnote.h and
// docs/misc/pvh. Deliberately absent: sections, symbols, relocation.
#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "base/text.h"
#include "boot/elf_file.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

constexpr u64 page = 4096;
constexpr u64 most_notes = 64 * 1024;

bool runs_on(const Elf& elf, Arch arch) {
  switch (arch) {
    case Arch::aarch64: return elf.machine == em_aarch64;
    case Arch::riscv64: return elf.machine == em_riscv;
    case Arch::x86_64: return elf.machine == em_x86_64 || elf.machine == em_386;
    case Arch::powerpc: return elf.machine == em_ppc || elf.machine == em_ppc64;
  }
  return false;
}

Result<void> check_header(const Content& content, const Elf& elf, const Target& target) {
  const char* known = machine_name(elf.machine);
  if (!runs_on(elf, target.arch)) {
    std::string found = known != nullptr ? text("an ELF file for {}", known)
                                         : text("an ELF file for machine {}", elf.machine);
    return wrong_arch(content, found, target);
  }
  if (elf.order != target.endian)
    return bad_image(content,
                     text("is a {}-endian ELF file, but this machine is {}-endian",
                          elf.order == std::endian::big ? "big" : "little",
                          target.endian == std::endian::big ? "big" : "little"),
                     "build it for the other byte order");
  if (!elf.wide && (target.arch == Arch::aarch64 || target.arch == Arch::riscv64))
    return bad_image(
        content, text("is a 32-bit ELF file, but the CPUs of this machine start in 64-bit mode"),
        text("build it for 64-bit {}", name(target.arch)));
  if (elf.wide && target.only_32_bits != nullptr)
    return bad_image(content, "is a 64-bit ELF file, but guests on this host have 32 bits",
                     text("{}; give a 32-bit kernel (a 32-bit vmlinux or a uImage of one)",
                          target.only_32_bits));
  switch (elf.type) {
    case et_exec:
    case et_dyn: break;
    case et_rel:
      return bad_image(content, "is an ELF object file that was never linked",
                       "link it to an address in RAM, or give the kernel instead of a module");
    case et_core: return bad_image(content, "is a core dump", "give a kernel");
    default: return bad_image(content, text("is an ELF file of unknown type {}", elf.type));
  }
  return {};
}

// Why a segment is not where RAM is, and what would help.
std::string placement_hint(const Elf& elf, const Target& target, u64 address) {
  const char* linux_file = "the Image";
  if (target.arch == Arch::x86_64) linux_file = "the bzImage";
  if (target.arch == Arch::powerpc) linux_file = "a uImage";
  if (address >> 63 != 0 || (!elf.wide && address >> 31 != 0 && target.ram.front().end() < address))
    return text(
        "these look like virtual addresses: for Linux give {} instead of vmlinux, else set "
        "the load addresses (LMA) in the linker script",
        linux_file);
  std::string link = text("link it into RAM, for example at {:#x}", target.flat_base.value());
  if (elf.type == et_dyn)
    return "it is position-independent and is not relocated: " + link + " with -no-pie";
  const bool below = address < target.ram.front().base.value();
  return link +
         (below ? ", or take the --board whose RAM is there" : ", or give more memory with --mem") +
         "; -Wl,-n keeps the linker from loading the ELF header below the first section";
}

Result<void> add_segment(const Content& content, const Target& target, const Elf& elf,
                         const ProgramHeader& header, KernelImage& image) {
  if (header.memsz == 0) return {};
  if (header.filesz > header.memsz)
    return bad_image(content,
                     text("has a broken segment at {:#x}: {:#x} bytes in the file, {:#x} in memory",
                          header.paddr, header.filesz, header.memsz),
                     "copy the file again");
  if (!content.holds(header.offset, header.filesz))
    return bad_image(content,
                     text("is truncated: its segment for {:#x} takes {:#x} bytes at offset {:#x}, "
                          "but the file has {:#x}",
                          header.paddr, header.filesz, header.offset, content.size()),
                     "copy the file again");
  GuestRange range{GuestAddress(header.paddr), header.memsz};
  auto placed = check_range(content, target, range, "its segment");
  if (!placed) {
    Error error = std::move(placed).error();
    if (error.hint.empty()) error.hint = placement_hint(elf, target, header.paddr);
    return std::unexpected(std::move(error));
  }
  Segment segment;
  segment.dest = range.base;
  segment.file_offset = header.offset;
  segment.file_size = header.filesz;
  segment.memory_size = header.memsz;
  image.segments.push_back(segment);
  return {};
}

Result<std::optional<u32>> find_pvh_note(const Content& content, const Elf& elf,
                                         const ProgramHeader& header) {
  if (header.filesz == 0 || header.filesz > most_notes) return std::nullopt;
  if (!content.holds(header.offset, header.filesz))
    return bad_image(content, text("is truncated: its notes lie at offset {:#x}", header.offset),
                     "copy the file again");
  std::vector<u8> notes(static_cast<usize>(header.filesz));
  TRY(content.read(header.offset, notes));
  return pvh_entry(notes, header.align, elf.order);
}

// Sorted, disjoint segments; memory in whole pages, touching pages merged.
Result<void> arrange(const Content& content, KernelImage& image) {
  auto& segments = image.segments;
  std::ranges::sort(segments, {}, &Segment::dest);
  for (usize i = 1; i < segments.size(); ++i)
    if (segments[i - 1].range().overlaps(segments[i].range()))
      return bad_image(content,
                       text("has segments that overlap: {} and {}",
                            range_text(segments[i - 1].range()), range_text(segments[i].range())),
                       "correct the load addresses (LMA) in the linker script");
  for (const Segment& segment : segments) {
    u64 start = align_down(segment.dest.value(), page);
    u64 end = align_up(segment.range().end(), page);
    if (!image.memory.empty() && image.memory.back().end() >= start)
      image.memory.back().size = end - image.memory.back().base.value();
    else
      image.memory.push_back({GuestAddress(start), end - start});
  }
  return {};
}

bool inside(const KernelImage& image, GuestAddress address) {
  return std::ranges::any_of(image.segments,
                             [&](const Segment& s) { return s.range().contains(address, 1); });
}

// The physical entry point: e_entry, or where the segment that maps it virtually lies.
Result<GuestAddress> entry_point(const Content& content, const Elf& elf, const KernelImage& image,
                                 std::span<const ProgramHeader> loads) {
  if (inside(image, GuestAddress(elf.entry))) return GuestAddress(elf.entry);
  for (const ProgramHeader& load : loads)
    if (elf.entry >= load.vaddr && elf.entry - load.vaddr < load.memsz)
      return GuestAddress(elf.entry - load.vaddr + load.paddr);
  return bad_image(content,
                   text("has its entry point at {:#x}, outside of everything it loads ({})",
                        elf.entry, range_text(image.extent())),
                   "name the entry point to the linker: ENTRY(symbol) or -e symbol");
}

EntryProtocol protocol_of(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return EntryProtocol::linux_arm64;
    case Arch::riscv64: return EntryProtocol::riscv;
    case Arch::powerpc: return EntryProtocol::epapr;
    case Arch::x86_64: break;
  }
  return EntryProtocol::x86_linux64;
}

}  // namespace

bool is_elf(Bytes head) {
  return head.size() >= 4 && std::memcmp(head.data(),
                                         "\x7f"
                                         "ELF",
                                         4) == 0;
}

std::optional<u32> pvh_entry(Bytes notes, u64 alignment, std::endian order) {
  constexpr u32 phys32_entry = 18;
  const u64 step = alignment == 8 ? 8 : 4;
  usize at = 0;
  while (notes.size() - at >= 12) {
    Fields f(notes.subspan(at), false, order);
    u64 name_size = f.word(0), size = f.word(4);
    u64 body = 12 + align_up(name_size, step);
    u64 next = body + align_up(size, step);
    usize rest = notes.size() - at;
    if (body > rest || size > rest - body) return std::nullopt;
    if (f.word(8) == phys32_entry && size >= 4 && name_size == 4 &&
        std::memcmp(notes.data() + at + 12, "Xen", 4) == 0) {
      // Eight bytes in a big-endian file would need the second word; there is no such machine.
      return f.word(static_cast<usize>(body));
    }
    if (next > rest) return std::nullopt;
    at += static_cast<usize>(next);
  }
  return std::nullopt;
}

Result<KernelImage> parse_elf(const Content& content, const Target& target) {
  Elf elf = TRY(parse_elf_header(content));
  TRY(check_header(content, elf, target));
  const auto headers = TRY(parse_program_headers(content, elf));

  KernelImage image;
  image.format = elf.wide ? Format::elf64 : Format::elf32;
  image.protocol = protocol_of(target.arch);
  std::vector<ProgramHeader> loads;
  std::optional<u32> pvh;
  for (const ProgramHeader& header : headers) {
    if (header.type == pt_interp)
      return bad_image(content, "is a dynamically linked program for an operating system",
                       "give a kernel, or link it -static and for no operating system");
    if (header.type == pt_load) {
      TRY(add_segment(content, target, elf, header, image));
      loads.push_back(header);
    }
    if (header.type == pt_note && target.arch == Arch::x86_64 && !pvh)
      pvh = TRY(find_pvh_note(content, elf, header));
  }
  if (image.segments.empty())
    return bad_image(content, "is an ELF file without loadable segments",
                     "link it with a linker script that makes loadable segments");
  TRY(arrange(content, image));

  if (pvh) {
    image.protocol = EntryProtocol::x86_pvh;
    image.entry = GuestAddress(*pvh);
    if (!inside(image, image.entry))
      return bad_image(content, text("has its PVH entry point at {:#x}, outside of what it loads",
                                     image.entry.value()));
    return image;
  }
  if (target.arch == Arch::x86_64 && !elf.wide)
    return bad_image(content, "is a 32-bit ELF file without a PVH entry note",
                     "add the note XEN_ELFNOTE_PHYS32_ENTRY (18), or build it for x86_64; "
                     "multiboot headers are not looked at");
  image.entry = TRY(entry_point(content, elf, image, loads));
  return image;
}

}  // namespace pv::boot
