// What the parsers of the single formats share; only this folder includes it. Each parser has
// already been chosen by content, fills segments, entry, protocol and memory, and leaves wrapper
// and checking against RAM to parse().
#pragma once

#include <optional>
#include <string>

#include "boot/content.h"
#include "boot/image.h"

namespace pv::boot {

// "0x40000000-0x47ffffff", both ends included.
std::string range_text(GuestRange range);
std::string ram_text(std::span<const GuestRange> ram);

// What the file is or wraps: the image itself, and in what it came. A uImage counts as itself.
struct Unwrapped {
  Content content;
  Wrapper wrapper;
};
// Errors: a broken stream, a compression that is not read, two of them.
Result<Unwrapped> unwrap(const ImageFile& file, u64 limit);

// "<name>: <problem>" of kind image.
std::unexpected<Error> bad_image(const Content& content, std::string_view problem,
                                 std::string hint = {});
// "is a riscv64 Linux Image, but this machine is aarch64".
std::unexpected<Error> wrong_arch(const Content& content, std::string_view what,
                                  const Target& target);

// What to do about guest RAM that would have to have `bytes`.
std::string memory_hint(u64 bytes);
// Whether `range` is RAM and free of what the machine reserved. `what` begins the error: "the
// kernel (with its memory)".
Result<void> check_range(const Content& content, const Target& target, GuestRange range,
                         std::string_view what);

bool is_elf(Bytes head);
bool is_arm64_image(Bytes head);
bool is_riscv_image(Bytes head);
bool is_bzimage(Bytes head);
bool is_uimage(Bytes head);

Result<KernelImage> parse_elf(const Content& content, const Target& target);
Result<KernelImage> parse_arm64_image(const Content& content, const Target& target);
Result<KernelImage> parse_riscv_image(const Content& content, const Target& target);
Result<KernelImage> parse_bzimage(const Content& content, const Target& target);

// Reads all of the file, for its checksum. Of its payload only what is no code is recognised:
// header and protocol say all else.
Result<KernelImage> parse_uimage(const ImageFile& file, const Target& target);

// The address in a PVH entry note among the bytes of a PT_NOTE segment.
std::optional<u32> pvh_entry(Bytes notes, u64 alignment, std::endian order);

// A file that people try to boot and that is no kernel: what it is, and what to do with it.
struct Foreign {
  const char* what;
  const char* hint;
};
std::optional<Foreign> recognise_foreign(Bytes head);

}  // namespace pv::boot
