#include "boot/zero_page.h"

#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "base/text.h"

namespace pv::boot {
namespace {

// Offsets in struct boot_params (zero-page.rst), then those of the setup header (boot.rst).
enum : usize {
  acpi_rsdp_addr = 0x070,
  ext_ramdisk_image = 0x0c0,
  ext_ramdisk_size = 0x0c4,
  ext_cmd_line_ptr = 0x0c8,
  e820_entries = 0x1e8,
  e820_table = 0x2d0,
  setup_header = 0x1f1,
  boot_flag = 0x1fe,
  header_magic = 0x202,
  version_field = 0x206,
  type_of_loader = 0x210,
  loadflags = 0x211,
  ramdisk_image = 0x218,
  ramdisk_size = 0x21c,
  cmd_line_ptr = 0x228,
};
constexpr u8 loaded_high = 0x01;  // loadflags: the kernel lies at or above 1 MiB
constexpr u8 unknown_loader = 0xff;
constexpr usize e820_entry_size = 20;
constexpr u64 bare_limit = 2047;  // COMMAND_LINE_SIZE of every 64-bit x86 kernel, less the zero
constexpr u16 own_version = 0x20f;

using Page = std::array<u8, zero_page_size>;

template <class T>
void put(Page& page, usize offset, T value) {
  std::memcpy(page.data() + offset, &value, sizeof value);
}
void put32(Page& page, usize offset, u64 value) {
  put(page, offset, Le32(static_cast<u32>(value)));
}

void put_header(Page& page, const KernelImage& image) {
  if (image.x86.header_size != 0) {
    std::memcpy(page.data() + setup_header, image.x86.header.data(), image.x86.header_size);
  } else {
    put(page, boot_flag, Le16(0xaa55));
    put(page, header_magic, Le32(0x53726448));
    put(page, version_field, Le16(own_version));
  }
  page[type_of_loader] = unknown_loader;
  page[loadflags] |= loaded_high;
}

}  // namespace

Result<Page> build_zero_page(const KernelImage& image, const ZeroPage& wanted) {
  if (wanted.memory_map.size() > max_e820_entries)
    return fail(Error::Kind::usage, text("the memory map has {} entries; the zero page holds {}",
                                         wanted.memory_map.size(), max_e820_entries));
  Page page{};
  put_header(page, image);
  put32(page, cmd_line_ptr, wanted.command_line.value());
  put32(page, ext_cmd_line_ptr, wanted.command_line.value() >> 32);
  if (wanted.initrd.size != 0) {
    put32(page, ramdisk_image, wanted.initrd.base.value());
    put32(page, ext_ramdisk_image, wanted.initrd.base.value() >> 32);
    put32(page, ramdisk_size, wanted.initrd.size);
    put32(page, ext_ramdisk_size, wanted.initrd.size >> 32);
  }
  put(page, acpi_rsdp_addr, Le64(wanted.rsdp.value()));
  page[e820_entries] = static_cast<u8>(wanted.memory_map.size());
  usize at = e820_table;
  for (const E820Entry& entry : wanted.memory_map) {
    put(page, at, Le64(entry.range.base.value()));
    put(page, at + 8, Le64(entry.range.size));
    put(page, at + 16, Le32(static_cast<u32>(entry.type)));
    at += e820_entry_size;
  }
  return page;
}

Result<void> check_command_line(const KernelImage& image, std::string_view line) {
  u64 limit = bare_limit;
  switch (image.protocol) {
    case EntryProtocol::linux_arm64: limit = 2047; break;  // asm/setup.h: COMMAND_LINE_SIZE 2048
    case EntryProtocol::riscv: limit = 1023; break;        // asm/setup.h: 1024 (older kernels: 512)
    case EntryProtocol::epapr: limit = 2047; break;
    case EntryProtocol::x86_linux64:
      if (image.format == Format::bzimage) limit = image.x86.cmdline_size;
      break;
    case EntryProtocol::x86_pvh: break;
  }
  if (line.find('\0') != line.npos)
    return fail(Error::Kind::usage, "the kernel command line holds a zero byte");
  if (line.size() > limit)
    return fail(Error::Kind::usage,
                text("the kernel command line has {} characters; this kernel takes at most {}",
                     line.size(), limit),
                "shorten --params");
  return {};
}

}  // namespace pv::boot
