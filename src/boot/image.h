// What a kernel file is and where its parts go, told by content and never by name.
//
// Specifications: Linux Documentation/arch/arm64/booting.rst (Image), arch/riscv/boot-image-header
// .rst, arch/x86/boot.rst (bzImage, protocol 2.12+), ELF gABI, Xen public/elfnote.h (PVH),
// drivers/firmware/efi/libstub/zboot-header.S (zboot), RFC 1952 (gzip), U-Boot include/image.h
// (uImage, for powerpc).
// Nothing is loaded here: parsing costs one read of 4 KiB, for some formats one or two more; of a
// uImage all of it, for its checksum.
// Deliberately absent: multiboot, FIT images, a.out, PE without a Linux header, xz, bzip2, lz4.
#pragma once

#include <array>
#include <bit>
#include <span>
#include <string>
#include <vector>

#include "base/arch.h"
#include "base/result.h"
#include "base/types.h"
#include "boot/image_file.h"
#include "memory/guest_address.h"

namespace pv::boot {

using memory::GuestAddress;
using memory::GuestRange;

enum class Format : u8 { flat, elf32, elf64, arm64_image, riscv_image, bzimage, uimage };

// In what the file wraps the image.
enum class Wrapper : u8 { none, compressed, zboot };
enum class Compression : u8 { none, gzip, zstd, xz };

// How the first instruction is entered; docs/boot-contract.md states the registers.
enum class EntryProtocol : u8 {
  linux_arm64,  // x0 = device tree
  riscv,        // a0 = hart, a1 = device tree
  x86_linux64,  // 64-bit mode, rsi = boot_params
  x86_pvh,      // 32-bit mode without paging, ebx = hvm_start_info
  epapr,        // r3 = device tree, r6 = magic, r7 = size of the initial mapping
};

// RAM that something else will occupy and that no kernel may be loaded over.
struct Reserved {
  GuestRange range;
  const char* what;  // "the ACPI tables"
};

// The machine an image is parsed for. The spans are borrowed.
struct Target {
  Arch arch;
  std::endian endian = std::endian::little;
  std::span<const GuestRange> ram;  // not empty; ascending
  std::span<const Reserved> reserved = {};
  GuestAddress image_base;  // arm64 and riscv Images lie text_offset above this
  GuestAddress flat_base;   // where a flat binary begins
  // Why 64-bit programs cannot run here: "this host's kernel has 32 bits". Null: they can.
  const char* only_32_bits = nullptr;
};
// The addresses of the boot contract for an architecture whose RAM is `ram`.
Target target_for(Arch arch, std::span<const GuestRange> ram,
                  std::span<const Reserved> reserved = {});

// A run of bytes of the (decompressed) image and where it goes.
struct Segment {
  GuestAddress dest;
  u64 file_offset = 0;
  u64 file_size = 0;       // bytes from the file: at most, where `up_to_end`
  u64 memory_size = 0;     // >= file_size; what the file does not fill is zero
  bool up_to_end = false;  // the compressed stream decides where the file's bytes end

  GuestRange range() const { return {dest, memory_size}; }
};

// What the x86 zero page needs of a bzImage.
struct X86Setup {
  static constexpr usize capacity = 0x290 - 0x1f1;
  std::array<u8, capacity> header{};  // the file from offset 0x1f1
  usize header_size = 0;
  u16 version = 0;
  u32 cmdline_size = 255;             // without the terminating zero
  u64 initrd_addr_max = 0x37ff'ffff;  // last address an initrd may occupy
};

struct KernelImage {
  Format format = Format::flat;
  Wrapper wrapper = Wrapper::none;
  EntryProtocol protocol = EntryProtocol::linux_arm64;
  GuestAddress entry;
  std::vector<Segment> segments;  // ascending, disjoint, inside RAM
  // All that the kernel owns from its first address on, bss and head room included.
  std::vector<GuestRange> memory;
  // The compressed stream, or the whole file.
  Compression compression = Compression::none;
  u64 payload_offset = 0;
  u64 payload_size = 0;
  X86Setup x86;  // of a bzImage

  // Lowest and highest address owned.
  GuestRange extent() const;
};

// Recognises `file` and plans how to load it for `target`. Every error is one sentence that begins
// with the file's name and carries the addresses, with a hint what to do.
Result<KernelImage> parse(const ImageFile& file, const Target& target);

// Whether this is (or on powerpc, where Linux comes as plain ELF, may be) a Linux kernel.
bool looks_like_linux(const KernelImage& image);

// "ELF64", "arm64 Image (gzip)": for messages.
std::string describe(const KernelImage& image);

}  // namespace pv::boot
