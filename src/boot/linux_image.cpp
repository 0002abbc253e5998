// The Image headers of arm64 (Linux Documentation/arch/arm64/booting.rst, "Call the kernel image")
// and riscv (Documentation/arch/riscv/boot-image-header.rst): 64 bytes at the start of the file.
#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "base/text.h"
#include "boot/linux_headers.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

constexpr u64 load_alignment = 2_MiB;
constexpr u64 big_endian_flag = 1;

// image_size counts memory and does not tell how long the file should be. The sections of the PE
// header that kernels with an EFI stub have (Microsoft PE format, 3 and 4) do.
Result<void> check_whole(const Content& content) {
  Bytes head = content.head();
  u64 pe = u32{load_as<Le32>(head, 60)};
  if (content.compressed() || pe > head.size() || head.size() - pe < 24 ||
      std::memcmp(head.data() + pe, "PE\0\0", 4) != 0)
    return {};
  usize at = static_cast<usize>(pe);
  unsigned sections = u16{load_as<Le16>(head, at + 6)};
  usize table = at + 24 + u16{load_as<Le16>(head, at + 20)};
  for (; sections > 0 && table + 40 <= head.size(); --sections, table += 40) {
    u64 end = u64{u32{load_as<Le32>(head, table + 20)}} + u32{load_as<Le32>(head, table + 16)};
    if (end > content.size())
      return bad_image(
          content,
          text("is a truncated Image: its sections reach to {:#x}, but the file has {:#x} "
               "bytes",
               end, content.size()),
          "copy the file again");
  }
  return {};
}

// Plans the one segment that both kinds of Image have.
Result<KernelImage> plan(const Content& content, const Target& target, u64 text_offset,
                         u64 image_size) {
  constexpr u64 sane = u64{1} << 40;
  if (text_offset > sane || image_size > sane)
    return bad_image(content,
                     text("its header is broken: text_offset is {:#x}, image_size {:#x}",
                          text_offset, image_size),
                     "copy the file again");
  TRY(check_whole(content));
  u64 base = align_up(target.image_base.value(), load_alignment);
  // What a compressed stream announces may be a lie: the header's word comes first.
  u64 size =
      content.compressed() && image_size != 0 ? image_size : std::max(image_size, content.size());
  if (size == 0)
    return bad_image(content, "neither the header nor the compressed stream tells its size",
                     "decompress the file first");
  KernelImage image;
  image.entry = GuestAddress(base + text_offset);
  Segment segment;
  segment.dest = image.entry;
  segment.file_size = content.compressed() ? size : content.size();
  segment.memory_size = size;
  segment.up_to_end = content.compressed();
  image.segments.push_back(segment);
  image.memory.push_back(segment.range());
  return image;
}

}  // namespace

bool is_arm64_image(Bytes head) {
  return head.size() >= sizeof(Arm64Header) && header_of<Arm64Header>(head).magic == 0x644d5241u;
}

bool is_riscv_image(Bytes head) {
  if (head.size() < sizeof(RiscvHeader)) return false;
  auto header = header_of<RiscvHeader>(head);
  return header.magic2 == 0x05435352u || header.magic == u64{0x5643534952};  // the older magic
}

Result<KernelImage> parse_arm64_image(const Content& content, const Target& target) {
  if (target.arch != Arch::aarch64) return wrong_arch(content, "an arm64 Linux Image", target);
  auto header = header_of<Arm64Header>(content.head());
  if ((header.flags & big_endian_flag) != 0)
    return bad_image(content, "is a big-endian arm64 kernel, but this machine is little-endian",
                     "build the kernel with CONFIG_CPU_LITTLE_ENDIAN=y");
  // Before Linux 3.17 image_size was 0 and text_offset of unknown byte order: always 0x80000.
  bool old = header.image_size == 0;
  KernelImage image =
      TRY(plan(content, target, old ? 0x80000 : u64{header.text_offset}, header.image_size));
  image.format = Format::arm64_image;
  image.protocol = EntryProtocol::linux_arm64;
  return image;
}

Result<KernelImage> parse_riscv_image(const Content& content, const Target& target) {
  if (target.arch != Arch::riscv64) return wrong_arch(content, "a RISC-V Linux Image", target);
  auto header = header_of<RiscvHeader>(content.head());
  if ((header.flags & big_endian_flag) != 0)
    return bad_image(content, "is a big-endian RISC-V kernel, but this machine is little-endian",
                     "build a little-endian kernel");
  if (!is_aligned(header.text_offset, load_alignment))
    return bad_image(content,
                     text("asks to be loaded {:#x} bytes above the start of RAM, which is no "
                          "multiple of 2 MiB; 64-bit kernels say 0x200000",
                          u64{header.text_offset}),
                     "use a kernel built for rv64");
  KernelImage image = TRY(plan(content, target, header.text_offset, header.image_size));
  image.format = Format::riscv_image;
  image.protocol = EntryProtocol::riscv;
  return image;
}

}  // namespace pv::boot
