// Files that are given as kernels by mistake, told by their first bytes, so that none of them is
// run as a flat binary. Magic numbers: the formats' own specifications and file(1)'s collection.
#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

struct Magic {
  u16 offset;
  std::string_view bytes;
  Foreign foreign;
};

constexpr const char* unpack_it = "decompress it first; gzip, zstd and xz are read as they are";
constexpr const char* as_disk = "give it with --disk, and a kernel with --kernel";
constexpr const char* as_initrd = "give it with --initrd, and a kernel with --kernel";
constexpr const char* arm32 = "32-bit Arm kernels do not run here: use an arm64 Image";

using namespace std::string_view_literals;
constexpr Magic magics[] = {
    {0, "BZh"sv, {"bzip2-compressed", unpack_it}},
    {0, "\x04\x22\x4d\x18"sv, {"lz4-compressed", unpack_it}},
    {0, "\x02\x21\x4c\x18"sv, {"lz4-compressed (legacy frame)", unpack_it}},
    {0, "\x89LZO\0"sv, {"lzop-compressed", unpack_it}},
    {0, "\x5d\0\0"sv, {"lzma-compressed", unpack_it}},
    {0, "PK\x03\x04"sv, {"a zip archive", "unpack it and give the kernel in it"}},
    {0, "7z\xbc\xaf\x27\x1c"sv, {"a 7z archive", "unpack it and give the kernel in it"}},
    {0, "!<arch>\n"sv, {"an ar archive or Debian package", "unpack it and give the kernel in it"}},
    {257, "ustar"sv, {"a tar archive", "unpack it and give the kernel in it"}},
    {0, "070701"sv, {"a cpio archive (an initramfs)", as_initrd}},
    {0, "070702"sv, {"a cpio archive (an initramfs)", as_initrd}},
    {0, "\xc7\x71"sv, {"a cpio archive (old binary format)", as_initrd}},
    {0,
     "\xd0\x0d\xfe\xed"sv,
     {"a flattened device tree or FIT image",
      "give a device tree with --dtb; take a kernel out of "
      "a FIT image with dumpimage"}},
    {0x24, "\x18\x28\x6f\x01"sv, {"a 32-bit Arm zImage", arm32}},
    {0, "ANDROID!"sv, {"an Android boot image", "take the kernel out of it with unpack_bootimg"}},
    {0, "QFI\xfb"sv, {"a qcow2 disk image", as_disk}},
    {0, "hsqs"sv, {"a squashfs file system", as_disk}},
    {0x438, "\x53\xef"sv, {"an ext2, ext3 or ext4 file system", as_disk}},
    {512, "EFI PART"sv, {"a partitioned disk image", as_disk}},
    {0x8001, "CD001"sv, {"an ISO 9660 image", as_disk}},
    {0, "\xfe\xed\xfa\xcf"sv, {"a Mach-O file", "build an ELF file or a flat binary"}},
    {0, "\xcf\xfa\xed\xfe"sv, {"a Mach-O file", "build an ELF file or a flat binary"}},
};

bool has(Bytes head, usize offset, std::string_view bytes) {
  return head.size() >= bytes.size() && offset <= head.size() - bytes.size() &&
         std::memcmp(head.data() + offset, bytes.data(), bytes.size()) == 0;
}

bool is_text(Bytes head) {
  return std::ranges::all_of(
      head, [](u8 c) { return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t' || c == '\r'; });
}

// "MZ" and, where it points to, "PE\0\0".
bool is_pe(Bytes head) {
  if (head.size() < 0x40 || !has(head, 0, "MZ")) return false;
  return has(head, u32{load_as<Le32>(head, 0x3c)}, "PE\0\0"sv);
}

}  // namespace

std::optional<Foreign> recognise_foreign(Bytes head) {
  for (const Magic& magic : magics)
    if (has(head, magic.offset, magic.bytes)) return magic.foreign;
  if (has(head, 0, "#!"))
    return Foreign{"a script", "give a kernel: an Image, a bzImage, an ELF file or a flat binary"};
  if (is_text(head))
    return Foreign{"a text file",
                   "give a kernel: an Image, a bzImage, an ELF file or a flat binary"};
  if (is_pe(head))
    return Foreign{"an EFI program (PE) without a Linux Image header",
                   "EFI programs need firmware; of Linux give the Image, the zboot vmlinuz.efi or "
                   "the bzImage, not a bundle such as a unified kernel image"};
  return std::nullopt;
}

}  // namespace pv::boot
