#include "boot/image.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/endian.h"
#include "base/text.h"
#include "boot/decompress.h"
#include "boot/parse.h"

namespace pv::boot {

std::string range_text(GuestRange range) {
  return text("{:#x}-{:#x}", range.base.value(), range.base.value() + (range.size - 1));
}

std::string ram_text(std::span<const GuestRange> ram) {
  std::string all;
  for (const GuestRange& range : ram) {
    if (!all.empty()) all += ", ";
    all += range_text(range);
  }
  return all;
}

std::unexpected<Error> bad_image(const Content& content, std::string_view problem,
                                 std::string hint) {
  return fail(Error::Kind::image, text("{}: {}", content.name(), problem), std::move(hint));
}

std::unexpected<Error> wrong_arch(const Content& content, std::string_view what,
                                  const Target& target) {
  return bad_image(content, text("is {}, but this machine is {}", what, name(target.arch)),
                   text("give a kernel built for {}, or run this one on a host of its own "
                        "architecture",
                        name(target.arch)));
}

std::string memory_hint(u64 bytes) {
  if (bytes > max_guest_ram) return "no guest of this monitor can have so much RAM";
  return text("give the guest at least {} MiB with --mem", align_up(bytes, 1_MiB) / 1_MiB);
}

Result<void> check_range(const Content& content, const Target& target, GuestRange range,
                         std::string_view what) {
  u64 base = range.base.value();
  if (range.size > std::numeric_limits<u64>::max() - base)
    return bad_image(content, text("{} of {:#x} bytes at {:#x} wraps around the address space",
                                   what, range.size, base));
  bool in_ram = std::ranges::any_of(
      target.ram, [&](const GuestRange& ram) { return ram.contains(range.base, range.size); });
  if (!in_ram) {
    std::string hint;
    // Memory that begins in RAM and does not end there: more RAM is the cure.
    for (const GuestRange& ram : target.ram)
      if (ram.contains(range.base, 1) && &ram == &target.ram.back() &&
          range.size < std::numeric_limits<u64>::max() / 2)
        hint = memory_hint(range.end() - target.ram.front().base.value());
    return bad_image(
        content,
        text("{} needs {}, but guest RAM is {}", what, range_text(range), ram_text(target.ram)),
        std::move(hint));
  }
  for (const Reserved& reserved : target.reserved)
    if (reserved.range.overlaps(range))
      return bad_image(
          content,
          text("{} at {} overlaps {} at {}", what, range_text(range), reserved.what,
               range_text(reserved.range)),
          target.ram.back().end() <= target.flat_base.value()
              ? text("give the guest more memory with --mem")
              : text("link it to another address, for example {:#x}", target.flat_base.value()));
  return {};
}

Target target_for(Arch arch, std::span<const GuestRange> ram, std::span<const Reserved> reserved) {
  Target target{.arch = arch, .ram = ram, .reserved = reserved, .image_base = {}, .flat_base = {}};
  GuestAddress base = ram.empty() ? GuestAddress() : ram.front().base;
  target.image_base = base;
  switch (arch) {
    case Arch::aarch64: target.flat_base = base + 0x80000; break;
    case Arch::riscv64: target.flat_base = base + 2_MiB; break;
    case Arch::x86_64: target.flat_base = base + 1_MiB; break;
    case Arch::powerpc:
      target.endian = std::endian::big;
      target.flat_base = base;
      break;
  }
  return target;
}

GuestRange KernelImage::extent() const {
  if (memory.empty()) return {};
  return {memory.front().base, memory.back().end() - memory.front().base.value()};
}

namespace {

EntryProtocol flat_protocol(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return EntryProtocol::linux_arm64;
    case Arch::riscv64: return EntryProtocol::riscv;
    case Arch::powerpc: return EntryProtocol::epapr;
    case Arch::x86_64: break;
  }
  return EntryProtocol::x86_linux64;
}

Result<KernelImage> parse_flat(const Content& content, const Target& target) {
  if (content.size() == 0)
    return bad_image(content, "the compressed stream does not tell the size of the flat binary",
                     "decompress the file first");
  KernelImage image;
  image.format = Format::flat;
  image.protocol = flat_protocol(target.arch);
  image.entry = target.flat_base;
  Segment segment;
  segment.dest = target.flat_base;
  segment.file_size = content.size();
  segment.memory_size = content.size();
  segment.up_to_end = content.compressed();
  image.segments.push_back(segment);
  image.memory.push_back(segment.range());
  return image;
}

Result<KernelImage> parse_content(const Content& content, const Target& target) {
  Bytes head = content.head();
  if (is_elf(head)) return parse_elf(content, target);
  if (is_arm64_image(head)) return parse_arm64_image(content, target);
  if (is_riscv_image(head)) return parse_riscv_image(content, target);
  if (is_bzimage(head)) return parse_bzimage(content, target);
  if (auto foreign = recognise_foreign(head))
    return bad_image(
        content,
        text("{}is {}, not a kernel", content.compressed() ? "what it wraps " : "", foreign->what),
        foreign->hint);
  return parse_flat(content, target);
}

// EFI zboot: drivers/firmware/efi/libstub/zboot-header.S.
struct ZbootHeader {
  u8 mz[4];
  char zimg[4];
  Le32 payload_offset;
  Le32 payload_size;
  Le32 reserved[2];
  char type[32];  // zero-terminated
};
static_assert(sizeof(ZbootHeader) == 56);

bool is_zboot(Bytes head) {
  return head.size() >= sizeof(ZbootHeader) && std::memcmp(head.data(), "MZ", 2) == 0 &&
         std::memcmp(head.data() + 4, "zimg", 4) == 0;
}

u64 largest_ram(const Target& target) {
  u64 most = 0;
  for (const GuestRange& ram : target.ram) most = std::max(most, ram.size);
  return most;
}

Result<Content> open_zboot(const ImageFile& file, u64 limit) {
  auto header = load_as<ZbootHeader>(file.head(), 0);
  Content content(file);
  u64 offset = header.payload_offset, size = header.payload_size;
  if (offset > file.size() || size > file.size() - offset || size < 4)
    return bad_image(
        content,
        text("is a truncated EFI zboot image: its payload of {:#x} bytes lies at {:#x}, "
             "but the file has {:#x}",
             size, offset, file.size()),
        "copy the file again");
  std::array<u8, 4> magic{};
  TRY(file.read(offset, magic));
  Compression compression = compression_of(magic);
  if (compression == Compression::none) {
    std::string type(header.type, ::strnlen(header.type, sizeof header.type));
    for (char& c : type)
      if (c < 0x20 || c > 0x7e) c = '?';
    return bad_image(
        content, text("is an EFI zboot image compressed with \"{}\"", type),
        "only gzip, zstd and xz are read: build the kernel with CONFIG_KERNEL_GZIP=y, or "
        "give the Image that it was made of");
  }
  return Content::unpack(file, compression, offset, size, limit);
}

Result<KernelImage> parse_unwrapped(const ImageFile& file, const Target& target) {
  if (is_uimage(file.head())) return parse_uimage(file, target);
  auto [content, wrapper] = TRY(unwrap(file, largest_ram(target)));
  KernelImage image = TRY(parse_content(content, target));
  image.wrapper = wrapper;
  image.compression = content.compression();
  image.payload_offset = content.payload_offset();
  image.payload_size = content.payload_size();
  return image;
}

// What instructions are aligned to; a processor would silently round the address.
u64 instruction_alignment(Arch arch) {
  switch (arch) {
    case Arch::aarch64:
    case Arch::powerpc: return 4;
    case Arch::riscv64: return 2;
    case Arch::x86_64: break;
  }
  return 1;
}

Result<void> check_entry(const Content& content, const Target& target, const KernelImage& image) {
  const u64 alignment = instruction_alignment(target.arch);
  if (is_aligned(image.entry.value(), alignment)) return {};
  return bad_image(content,
                   text("has its entry point at {:#x}, but instructions of {} lie at multiples "
                        "of {}",
                        image.entry.value(), name(target.arch), alignment),
                   image.format == Format::uimage
                       ? "make it with the right mkimage -e"
                       : "name the entry point to the linker: ENTRY(symbol) or -e symbol");
}

Result<void> check_memory(const Content& content, const Target& target, const KernelImage& image) {
  // ELF segments were checked one by one, with hints of their own.
  if (image.format == Format::elf32 || image.format == Format::elf64) return {};
  for (const GuestRange& range : image.memory) {
    auto placed = check_range(content, target, range, "the kernel with its working memory");
    if (placed) continue;
    Error error = std::move(placed).error();
    if (error.hint.empty() && image.format == Format::uimage)
      error.hint = "make it with another load address (mkimage -a), or give more memory with --mem";
    return std::unexpected(std::move(error));
  }
  return {};
}

}  // namespace

Result<Unwrapped> unwrap(const ImageFile& file, u64 limit) {
  if (is_zboot(file.head())) return Unwrapped {
      TRY(open_zboot(file, limit))
      , Wrapper::zboot
    };
  Compression compression = compression_of(file.head());
  if (compression == Compression::none) return Unwrapped{Content(file), Wrapper::none};
  Content content = TRY(Content::unpack(file, compression, 0, file.size(), limit));
  if (compression_of(content.head()) != Compression::none)
    return bad_image(content, "is compressed twice", "decompress it once");
  return Unwrapped{std::move(content), Wrapper::compressed};
}

Result<KernelImage> parse(const ImageFile& file, const Target& target) {
  KernelImage image = TRY(parse_unwrapped(file, target));
  Content content(file);
  TRY(check_memory(content, target, image));
  TRY(check_entry(content, target, image));
  return image;
}

bool looks_like_linux(const KernelImage& image) {
  switch (image.format) {
    case Format::flat: return false;
    case Format::elf32:
    case Format::elf64: return image.protocol == EntryProtocol::epapr;
    case Format::arm64_image:
    case Format::riscv_image:
    case Format::bzimage:
    case Format::uimage: return true;
  }
  return false;
}

std::string describe(const KernelImage& image) {
  const char* format = "flat binary";
  switch (image.format) {
    case Format::flat: break;
    case Format::elf32: format = "ELF32"; break;
    case Format::elf64: format = "ELF64"; break;
    case Format::arm64_image: format = "arm64 Image"; break;
    case Format::riscv_image: format = "RISC-V Image"; break;
    case Format::bzimage: format = "bzImage"; break;
    case Format::uimage: format = "uImage"; break;
  }
  const char* compression = name_of(image.compression);
  std::string wrapper;
  switch (image.wrapper) {
    case Wrapper::none: break;
    case Wrapper::compressed: wrapper = text(" ({})", compression); break;
    case Wrapper::zboot: wrapper = text(" (EFI zboot, {})", compression); break;
  }
  const char* protocol = image.protocol == EntryProtocol::x86_pvh ? " by PVH" : "";
  return text("{}{}{}", format, wrapper, protocol);
}

}  // namespace pv::boot
