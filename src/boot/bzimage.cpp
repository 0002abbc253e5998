// bzImage: the setup header at 0x1f1 (Linux Documentation/arch/x86/boot.rst) of a kernel entered by
// the 64-bit boot protocol. The real-mode code before the kernel proper is never run.
#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "base/text.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

// Offsets in the file, as boot.rst spells them.
enum : usize {
  setup_sects = 0x1f1,
  syssize = 0x1f4,
  boot_flag = 0x1fe,
  jump = 0x200,
  header_magic = 0x202,
  version_field = 0x206,
  initrd_addr_max = 0x22c,
  xloadflags = 0x236,
  cmdline_size = 0x238,
  pref_address = 0x258,
  init_size = 0x260,
  header_end = 0x264,  // of the fields that protocol 2.12 has
};
constexpr u16 xlf_kernel_64 = 1;
constexpr u16 oldest_version = 0x20c;  // 2.12: xloadflags, hence the 64-bit entry point
constexpr u64 entry_64 = 0x200;        // from the start of the protected-mode code

X86Setup copy_header(Bytes head) {
  X86Setup setup;
  // The jump instruction's displacement tells where the header ends.
  usize end = header_magic + head[jump + 1];
  end = std::clamp<usize>(end, header_end, setup_sects + X86Setup::capacity);
  setup.header_size = std::min(end, head.size()) - setup_sects;
  std::memcpy(setup.header.data(), head.data() + setup_sects, setup.header_size);
  setup.version = load_as<Le16>(head, version_field);
  setup.cmdline_size = load_as<Le32>(head, cmdline_size);
  setup.initrd_addr_max = u32{load_as<Le32>(head, initrd_addr_max)};
  return setup;
}

}  // namespace

bool is_bzimage(Bytes head) {
  return head.size() >= version_field && u16{load_as<Le16>(head, boot_flag)} == 0xaa55 &&
         u32{load_as<Le32>(head, header_magic)} == 0x53726448;  // "HdrS"
}

Result<KernelImage> parse_bzimage(const Content& content, const Target& target) {
  if (target.arch != Arch::x86_64) return wrong_arch(content, "an x86 Linux bzImage", target);
  Bytes head = content.head();
  if (head.size() < header_end)
    return bad_image(content, text("is a bzImage cut off after {} bytes", head.size()),
                     "copy the file again");
  u16 version = load_as<Le16>(head, version_field);
  u16 flags = load_as<Le16>(head, xloadflags);
  if (version < oldest_version || (flags & xlf_kernel_64) == 0)
    return bad_image(content,
                     text("is a bzImage without a 64-bit entry point (boot protocol {}.{:02})",
                          version >> 8, version & 0xff),
                     "use a 64-bit kernel (CONFIG_64BIT=y) of Linux 3.8 or newer");

  u64 setup_sectors = head[setup_sects] == 0 ? 4 : head[setup_sects];
  u64 start = (setup_sectors + 1) * 512;
  u64 code_size = u64{u32{load_as<Le32>(head, syssize)}} * 16;
  u64 wanted = start + code_size;
  if (!content.compressed() && content.size() < wanted)
    return bad_image(content,
                     text("is a truncated bzImage: its header tells of {} bytes, the file has {}",
                          wanted, content.size()),
                     "copy the file again");
  if (code_size <= entry_64)
    return bad_image(content, "is a bzImage whose header tells of no code", "copy the file again");

  KernelImage image;
  image.format = Format::bzimage;
  image.protocol = EntryProtocol::x86_linux64;
  image.x86 = copy_header(head);
  Segment segment;
  segment.dest = GuestAddress(load_as<Le64>(head, pref_address));
  segment.file_offset = start;
  segment.file_size = code_size;
  segment.memory_size = code_size;
  image.segments.push_back(segment);
  // The kernel unpacks itself in place: init_size bytes from its load address are its own.
  image.memory.push_back(
      {segment.dest, std::max(u64{u32{load_as<Le32>(head, init_size)}}, code_size)});
  image.entry = segment.dest + entry_64;
  return image;
}

}  // namespace pv::boot
