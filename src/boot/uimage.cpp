// uImage: U-Boot's legacy image, a header of 64 bytes before the payload (U-Boot include/image.h,
// struct legacy_img_hdr). Header and payload carry a CRC-32 each, both are verified here.
// Accepted is what PowerPC kernels come as: one kernel, for Linux or for no operating system,
// uncompressed, gzip or zstd. Deliberately absent: several files in one image, loading at an
// address of our choice (kernel_noload), other compressions.
#include <algorithm>
#include <array>
#include <memory>

#include "base/endian.h"
#include "base/text.h"
#include "boot/decompress.h"
#include "boot/parse.h"

#if PV_HAVE_Z
#include <zlib.h>
#endif

namespace pv::boot {
namespace {

constexpr u32 magic = 0x2705'1956;

struct Header {
  Be32 magic;
  Be32 header_crc;  // of this header with this field 0
  Be32 time;
  Be32 size;  // of the payload
  Be32 load;
  Be32 entry;
  Be32 data_crc;
  u8 os;
  u8 arch;
  u8 type;
  u8 compression;
  char name[32];
};
static_assert(sizeof(Header) == 64);

enum Os : u8 { os_invalid = 0, os_linux = 5, os_u_boot = 17 };
enum ArchCode : u8 { arch_ppc = 7 };
enum Type : u8 { standalone = 1, kernel = 2, multi = 4 };

// What a kernel's own memory may take beyond the file: the header does not tell.
constexpr u64 linux_working_memory = 4_MiB;

const char* const arch_names[] = {"an unknown architecture",
                                  "Alpha",
                                  "Arm",
                                  "32-bit x86",
                                  "IA-64",
                                  "MIPS",
                                  "64-bit MIPS",
                                  "PowerPC",
                                  "s390",
                                  "SuperH",
                                  "SPARC",
                                  "64-bit SPARC",
                                  "M68K",
                                  "Nios",
                                  "MicroBlaze",
                                  "Nios II",
                                  "Blackfin",
                                  "AVR32",
                                  "ST200",
                                  "sandbox",
                                  "NDS32",
                                  "OpenRISC",
                                  "arm64",
                                  "ARC",
                                  "x86_64",
                                  "Xtensa",
                                  "RISC-V"};
const char* const type_names[] = {"an invalid type",
                                  "a standalone program",
                                  "a kernel",
                                  "a ramdisk",
                                  "several files in one",
                                  "firmware",
                                  "a U-Boot script",
                                  "a file system",
                                  "a device tree",
                                  "a Kirkwood boot image",
                                  "an i.MX boot image",
                                  "a Davinci UBL image",
                                  "an OMAP boot image",
                                  "a Davinci AIS image",
                                  "a kernel to be run where it lies (kernel_noload)"};
const char* const compression_names[] = {"nothing", "gzip", "bzip2", "lzma", "lzo", "lz4", "zstd"};

template <usize n>
std::string name_of(const char* const (&names)[n], u8 code) {
  return code < n ? names[code] : text("unknown code {}", code);
}

// CRC-32 as in gzip (ISO 3309), continued from `crc`.
u32 crc32_of(u32 crc, Bytes bytes) {
#if PV_HAVE_Z
  return static_cast<u32>(::crc32(crc, bytes.data(), static_cast<uInt>(bytes.size())));
#else
  crc = ~crc;
  for (u8 byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb8'8320 : 0);
  }
  return ~crc;
#endif
}

Result<void> check_crc(const Content& content, std::string_view part, u32 crc, u32 wanted) {
  if (crc == wanted) return {};
  return bad_image(content,
                   text("is a uImage whose {} is damaged: its checksum is {:#010x}, the header "
                        "says {:#010x}",
                        part, crc, wanted),
                   "copy the file again");
}

Result<void> check_header(const Content& content, const Header& header) {
  Header copy = header;
  copy.header_crc = 0;
  u32 crc = crc32_of(0, Bytes(reinterpret_cast<const u8*>(&copy), sizeof copy));
  return check_crc(content, "header", crc, header.header_crc);
}

Result<void> check_kind(const Content& content, const Header& header, const Target& target) {
  if (target.arch != Arch::powerpc || header.arch != arch_ppc) {
    std::string what = text("a uImage for {}", name_of(arch_names, header.arch));
    if (target.arch == Arch::powerpc) return wrong_arch(content, what, target);
    return bad_image(content,
                     text("is {}, which this machine ({}) does not boot", what, name(target.arch)),
                     "take the kernel out of it with dumpimage");
  }
  if (header.type == multi)
    return bad_image(content, "is a uImage of several files in one",
                     "give its parts with --kernel, --initrd and --dtb: dumpimage takes them out");
  if (header.type != kernel && header.type != standalone)
    return bad_image(
        content, text("is a uImage of {}, not of a kernel", name_of(type_names, header.type)),
        header.type == 3 ? "take the file out of it with dumpimage and give it with --initrd"
                         : "give a uImage made with mkimage -T kernel");
  if (header.os != os_linux && header.os != os_invalid && header.os != os_u_boot)
    return bad_image(content,
                     text("is a uImage for operating system {}, which starts by a protocol "
                          "of its own",
                          header.os),
                     "give an image made with mkimage -O linux, or the ELF file");
  return {};
}

Result<Compression> compression_in(const Content& content, const Header& header) {
  switch (header.compression) {
    case 0: return Compression::none;
    case 1: return Compression::gzip;
    case 6: return Compression::zstd;
  }
  return bad_image(
      content,
      text("is a uImage compressed with {}", name_of(compression_names, header.compression)),
      "only gzip and zstd are read: make it with mkimage -C gzip, or -C none");
}

Result<void> check_data(const ImageFile& file, const Content& content, const Header& header) {
  constexpr usize piece = 64 * 1024;
  auto buffer = std::make_unique_for_overwrite<u8[]>(piece);
  u32 crc = 0;
  u64 at = sizeof(Header);
  for (u64 left = header.size; left > 0;) {
    MutableBytes part(buffer.get(), static_cast<usize>(std::min<u64>(left, piece)));
    TRY(file.read(at, part));
    crc = crc32_of(crc, part);
    at += part.size();
    left -= part.size();
  }
  return check_crc(content, "content", crc, header.data_crc);
}

// The payload's first bytes, unpacked. A broken stream is for loading to complain of.
Bytes first_of(const ImageFile& file, Compression compression, u64 size, MutableBytes room) {
  Bytes packed = file.head().subspan(sizeof(Header));
  packed = packed.first(static_cast<usize>(std::min<u64>(packed.size(), size)));
  if (compression == Compression::none) return packed;
  auto stream = Decompressor::open(file, compression, sizeof(Header), size);
  if (!stream) return {};
  return room.first(stream->read(room).value_or(0));
}

// A payload that is packed otherwise than the header says.
Result<void> check_packing(const Content& content, Bytes packed, Compression compression) {
  Compression found = compression_of(packed);
  if (found == compression) return {};
  std::string_view said =
      compression == Compression::none ? "not compressed" : name_of(compression);
  std::string_view hint = "make it with mkimage -C none, or compress what is in it";
  if (found == Compression::gzip) hint = "make it with mkimage -C gzip";
  if (found == Compression::zstd) hint = "make it with mkimage -C zstd";
  if (found == Compression::xz) hint = "decompress it, and make the uImage with mkimage -C none";
  return bad_image(content,
                   text("is a uImage whose header says {} of its content, which {}", said,
                        found == Compression::none ? std::string("is not compressed so")
                                                   : text("is compressed with {}", name_of(found))),
                   std::string(hint));
}

// What would be run as instructions, but is none: the ways in which mkimage is given a wrong file.
Result<void> check_payload(const Content& content, const ImageFile& file, Compression compression,
                           u64 size) {
  TRY(check_packing(content, first_of(file, Compression::none, size, {}), compression));
  std::array<u8, 2048> room;
  Bytes first = first_of(file, compression, size, room);
  if (first.empty()) return {};
  if (is_elf(first))
    return bad_image(content,
                     "is a uImage around an ELF file, whose header would be run as instructions",
                     "give the ELF file itself, or make the uImage of its memory image (objcopy -O "
                     "binary)");
  if (is_uimage(first))
    return bad_image(content, "is a uImage around another uImage",
                     "take the inner one out with dumpimage, and give that");
  if (compression != Compression::none && compression_of(first) != Compression::none)
    return bad_image(content, "is a uImage whose content is compressed twice",
                     "decompress it once, and make the uImage of that");
  if (auto foreign = recognise_foreign(first))
    return bad_image(content, text("is a uImage whose content is {}, not a kernel", foreign->what),
                     foreign->hint);
  return {};
}

Result<u64> unpacked_size(const ImageFile& file, const Content& content, Compression compression,
                          u64 size) {
  if (compression == Compression::none) return size;
  u64 announced = announced_size(file, compression, sizeof(Header), size);
  if (announced != 0) return announced;
  return bad_image(content, "is a uImage whose compressed content does not tell its size",
                   "make it with mkimage -C gzip, or -C none");
}

}  // namespace

bool is_uimage(Bytes head) { return head.size() >= 4 && load_as<Be32>(head, 0) == magic; }

Result<KernelImage> parse_uimage(const ImageFile& file, const Target& target) {
  Content content(file);
  if (file.head().size() < sizeof(Header))
    return bad_image(content, text("is a uImage cut off after {} bytes", file.head().size()),
                     "copy the file again");
  auto header = load_as<Header>(file.head(), 0);
  TRY(check_header(content, header));
  TRY(check_kind(content, header, target));
  u64 size = header.size;
  if (size == 0) return bad_image(content, "is a uImage without content");
  if (size > file.size() - sizeof(Header))
    return bad_image(
        content,
        text("is a truncated uImage: its content of {:#x} bytes ends behind the file's "
             "{:#x}",
             size, file.size()),
        "copy the file again");
  Compression compression = TRY(compression_in(content, header));
  TRY(check_data(file, content, header));
  TRY(check_payload(content, file, compression, size));

  KernelImage image;
  image.format = Format::uimage;
  image.protocol = EntryProtocol::epapr;
  image.entry = GuestAddress(u32{header.entry});
  image.compression = compression;
  image.payload_offset = sizeof(Header);
  image.payload_size = size;
  if (compression != Compression::none) image.wrapper = Wrapper::compressed;
  Segment segment;
  segment.dest = GuestAddress(u32{header.load});
  segment.file_offset = compression == Compression::none ? sizeof(Header) : 0;
  segment.file_size = TRY(unpacked_size(file, content, compression, size));
  segment.memory_size = segment.file_size;
  segment.up_to_end = compression != Compression::none;
  if (!segment.range().contains(image.entry, 1))
    return bad_image(
        content,
        text("is a uImage with its entry point at {:#x}, outside of what it loads ({})",
             image.entry.value(), range_text(segment.range())),
        "make it with the right mkimage -a and -e");
  GuestRange owned = segment.range();
  if (header.os == os_linux) owned.size += linux_working_memory;
  image.segments.push_back(segment);
  image.memory.push_back(owned);
  return image;
}

}  // namespace pv::boot
