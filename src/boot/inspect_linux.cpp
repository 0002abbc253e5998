// Inspecting what Linux kernels come as: Images of arm64 and riscv, bzImage, uImage. The headers'
// specifications are named in linux_headers.h, bzimage.cpp and uimage.cpp; for bzImage's payload:
// Documentation/arch/x86/boot.rst, payload_offset.
#include <algorithm>

#include "base/text.h"
#include "boot/inspect_parts.h"
#include "boot/linux_headers.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

std::string offset_words(u64 offset) {
  if (offset == 0) return "0: it begins on a 2 MiB boundary";
  if (is_aligned(offset, 1_MiB) || is_aligned(offset, 1_KiB))
    return text("{:#x}: {} above a 2 MiB boundary", offset, size_text(offset));
  return text("{:#x} above a 2 MiB boundary", offset);
}

std::string memory_words(u64 image_size, const Content& content) {
  if (image_size == 0) return "not told (a kernel before 3.17)";
  std::string words = text("{} ({:#x} bytes)", rounded_size(image_size), image_size);
  if (!content.compressed() && image_size > content.size())
    words += text(", {} of it beyond the file: zeros at the start (BSS)",
                  rounded_size(image_size - content.size()));
  return words;
}

void efi_field(u32 pe_offset, Bytes head, Inspection& into) {
  bool efi = head.size() >= 2 && head[0] == 'M' && head[1] == 'Z' && pe_offset != 0;
  into.fields.push_back({"efi", "EFI program too", efi ? "yes (unused here)" : "no"});
}

void check_sizes(u64 image_size, const Content& content, Inspection& into) {
  if (image_size == 0)
    suspect(into,
            "the header does not tell how much memory the kernel needs: what follows the file in "
            "memory, where its BSS will lie, is not kept free of initrd and device tree",
            "use a kernel of Linux 3.17 or newer");
  else if (!content.compressed() && image_size < content.size())
    suspect(into,
            text("the header tells of {:#x} bytes in memory, but the file alone has {:#x}",
                 image_size, content.size()),
            "something was appended to the Image (a device tree, a signature): give the Image as "
            "the kernel's build made it");
}

const char* arm64_pages(u64 flags) {
  constexpr const char* sizes[] = {"not told", "4 KiB", "16 KiB", "64 KiB"};
  return sizes[(flags >> 1) & 3];
}

}  // namespace

Result<void> inspect_arm64_image(const Content& content, Inspection& into) {
  auto header = header_of<Arm64Header>(content.head());
  const u64 flags = header.flags, image_size = header.image_size;
  const u64 offset = image_size == 0 ? 0x80000 : u64{header.text_offset};
  const bool big = (flags & 1) != 0, anywhere = (flags & 8) != 0;
  into.arch = Arch::aarch64;
  into.what = "an arm64 Linux Image";
  auto& fields = into.fields;
  fields.push_back({"byte_order", "byte order", big ? "big-endian" : "little-endian"});
  fields.push_back({"text_offset", "load offset", offset_words(offset)});
  fields.push_back({"image_size", "memory", memory_words(image_size, content)});
  fields.push_back({"page_size", "page size", arm64_pages(flags)});
  fields.push_back({"placement", "may lie",
                    anywhere ? "anywhere in RAM" : "as near to the start of RAM as it can"});
  efi_field(header.pe_offset, content.head(), into);
  check_sizes(image_size, content, into);
  if (!is_aligned(offset, 4_KiB))
    suspect(into, text("its load offset {:#x} is no multiple of a page", offset),
            "the header is damaged: copy the file again");
  else if (!is_aligned(offset, 2_MiB))
    note(into, text("built to lie {} above a 2 MiB boundary, as kernels before 5.8 are",
                    size_text(offset)));
  if (((flags >> 1) & 3) > 1)
    note(into,
         text("the host's processor must have pages of {}: not all have", arm64_pages(flags)));
  return {};
}

Result<void> inspect_riscv_image(const Content& content, Inspection& into) {
  auto header = header_of<RiscvHeader>(content.head());
  const u32 version = header.version;
  into.arch = Arch::riscv64;
  into.what = "a RISC-V Linux Image";
  auto& fields = into.fields;
  fields.push_back(
      {"byte_order", "byte order", (header.flags & 1) != 0 ? "big-endian" : "little-endian"});
  fields.push_back(
      {"header_version", "header version", text("{}.{}", version >> 16, version & 0xffff)});
  fields.push_back({"text_offset", "load offset",
                    text("{} above the start of RAM", size_text(u64{header.text_offset}))});
  fields.push_back({"image_size", "memory", memory_words(header.image_size, content)});
  efi_field(header.pe_offset, content.head(), into);
  check_sizes(header.image_size, content, into);
  if (header.text_offset == 4_MiB)
    suspect(into, "a load offset of 4 MiB is that of 32-bit kernels, which do not run here",
            "build the kernel for rv64 (CONFIG_64BIT=y)");
  return {};
}

namespace {

// Where in a bzImage the kernel proper lies, compressed.
struct Payload {
  u64 offset;
  u64 size;
  std::string compression;  // "gzip"
  Compression ours;         // none: not one that the loader reads
  bool lz4 = false;

  bool readable() const { return lz4 || ours != Compression::none; }
};

constexpr struct {
  u32 magic, mask;
  const char* name;
} payload_magics[] = {{0x00088b1f, 0x00ffffff, "gzip"},  {0xfd2fb528, ~u32{0}, "zstd"},
                      {0x587a37fd, ~u32{0}, "xz"},       {0x184c2102, ~u32{0}, "lz4"},
                      {0x00685a42, 0x00ffffff, "bzip2"}, {0x0000005d, 0x0000ffff, "lzma"},
                      {0x4f5a4c89, ~u32{0}, "lzo"},      {0x464c457f, ~u32{0}, "nothing"}};

Result<Payload> find_payload(const Content& content) {
  Bytes head = content.head();
  u64 sectors = head[0x1f1] == 0 ? 4 : head[0x1f1];
  Payload payload{(sectors + 1) * 512 + u32{load_as<Le32>(head, 0x248)},
                  u32{load_as<Le32>(head, 0x24c)}, "something unknown", Compression::none};
  std::array<u8, 4> magic{};
  if (payload.size < magic.size() || !content.holds(payload.offset, payload.size)) return payload;
  TRY(content.read(payload.offset, magic));
  for (const auto& known : payload_magics)
    if ((u32{load_as<Le32>(magic, 0)} & known.mask) == known.magic) {
      payload.compression = known.name;
      break;
    }
  payload.ours = compression_of(magic);
  payload.lz4 = u32{load_as<Le32>(magic, 0)} == Lz4Stream::magic;
  return payload;
}

// The version that the real-mode code has for boot loaders to show.
Result<std::string> version_in(const Content& content) {
  u64 at = u64{u16{load_as<Le16>(content.head(), 0x20e)}} + 0x200;
  std::array<u8, 128> buffer{};
  if (at == 0x200 || !content.holds(at, buffer.size())) return std::string();
  TRY(content.read(at, buffer));
  std::string version;
  for (u8 c : buffer) {
    if (c < 0x20 || c > 0x7e) break;
    version += static_cast<char>(c);
  }
  return version;
}

void bzimage_fields(Bytes head, Inspection& into) {
  const u16 protocol = load_as<Le16>(head, 0x206), flags = load_as<Le16>(head, 0x236);
  const u64 initrd_max = u32{load_as<Le32>(head, 0x22c)};
  auto& fields = into.fields;
  fields.push_back(
      {"boot_protocol", "boot protocol", text("{}.{:02}", protocol >> 8, protocol & 0xff)});
  fields.push_back({"entries", "entry points",
                    text("{}{}", (flags & 1) != 0 ? "32-bit and 64-bit" : "32-bit only",
                         (flags & 12) != 0 ? ", EFI (unused here)" : "")});
  const bool relocatable = head[0x234] != 0;
  fields.push_back({"pref_address", "prefers to lie at",
                    text("{:#x}, {}", u64{load_as<Le64>(head, 0x258)},
                         relocatable ? "relocatable" : "not relocatable")});
  fields.push_back({"alignment", "alignment", size_text(u32{load_as<Le32>(head, 0x230)})});
  const u64 init_size = u32{load_as<Le32>(head, 0x260)};
  fields.push_back({"init_size", "memory to unpack in",
                    text("{} ({:#x} bytes)", rounded_size(init_size), init_size)});
  fields.push_back(
      {"cmdline_size", "longest command line", text("{} bytes", u32{load_as<Le32>(head, 0x238)})});
  fields.push_back({"initrd_addr_max", "highest initrd address", text("{:#x}", initrd_max)});
}

}  // namespace

Result<void> inspect_bzimage(const Content& content, Inspection& into) {
  into.arch = Arch::x86_64;
  into.what = "an x86 Linux bzImage";
  constexpr usize header_end = 0x264;
  if (content.head().size() < header_end) return {};
  bzimage_fields(content.head(), into);
  std::string version = TRY(version_in(content));
  into.linux_version = version;
  Payload payload = TRY(find_payload(content));
  into.fields.push_back(
      {"payload", "kernel proper",
       text("{}, compressed with {}", rounded_size(payload.size), payload.compression)});
  if (!payload.readable() || content.compressed()) {
    note(into, text("its drivers and configuration are not looked at: the kernel proper is "
                    "compressed with {}",
                    payload.compression));
    return {};
  }
  into.linux_version.clear();
  const ImageFile& file = content.file();
  ByteStream stream = payload.lz4
                          ? ByteStream::lz4(file, payload.offset, payload.size)
                          : TRY(ByteStream::at(file, payload.ours, payload.offset, payload.size));
  TRY(scan_kernel(std::move(stream), into));
  if (into.linux_version.empty()) into.linux_version = version;
  return {};
}

Result<void> inspect_uimage(const ImageFile& file, Inspection& into) {
  into.what = "a uImage (U-Boot's legacy image)";
  Bytes head = file.head();
  constexpr usize header_size = 64;
  if (head.size() < header_size) return {};
  const auto word = [&](usize at) { return u32{load_as<Be32>(head, at)}; };
  if (head[29] == 7) into.arch = Arch::powerpc;
  std::string title(reinterpret_cast<const char*>(head.data() + 32), 32);
  title.resize(std::min(title.find('\0'), title.size()));
  for (char& c : title)
    if (c < 0x20 || c > 0x7e) c = '?';
  auto& fields = into.fields;
  fields.push_back({"name", "name", title});
  fields.push_back({"load", "load address", text("{:#x}", word(16))});
  fields.push_back({"entry", "entry point", text("{:#x}", word(20))});
  fields.push_back({"size", "content", text("{} ({} bytes)", rounded_size(word(12)), word(12))});
  constexpr const char* names[] = {"none", "gzip", "bzip2", "lzma", "lzo", "lz4", "zstd"};
  const u8 code = head[31];
  fields.push_back({"compression", "compression",
                    code < std::size(names) ? names[code] : text("unknown code {}", code)});
  note(into,
       "the header does not tell how much memory follows the content (BSS): 4 MiB are kept free");
  const Compression ours = code == 1   ? Compression::gzip
                           : code == 6 ? Compression::zstd
                                       : Compression::none;
  u64 size = word(12);
  if (size > file.size() - header_size || (code != 0 && ours == Compression::none)) return {};
  return scan_kernel(TRY(ByteStream::at(file, ours, header_size, size)), into);
}

}  // namespace pv::boot
