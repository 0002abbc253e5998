// The zero page (struct boot_params) by which a 64-bit x86 kernel learns its machine.
// Specification: Linux Documentation/arch/x86/boot.rst, "64-bit Boot Protocol", and zero-page.rst.
// Deliberately absent: video modes, EDD, APM, EFI, setup_data chains.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "boot/image.h"

namespace pv::boot {

// A line of the firmware's memory map; E820 and PVH number the types alike.
struct E820Entry {
  enum class Type : u32 { ram = 1, reserved = 2, acpi = 3, nvs = 4, unusable = 5 };
  GuestRange range;
  Type type = Type::ram;
};

constexpr usize zero_page_size = 4096;
constexpr usize max_e820_entries = 128;

struct ZeroPage {
  std::span<const E820Entry> memory_map;
  GuestAddress command_line;  // where the string lies, zero-terminated
  GuestRange initrd = {};     // size 0: none
  GuestAddress rsdp = {};     // ACPI root pointer; 0: none
};
// The page for `image`: a bzImage's own setup header, else one that says just what is needed.
// Errors: more than max_e820_entries.
Result<std::array<u8, zero_page_size>> build_zero_page(const KernelImage& image,
                                                       const ZeroPage& page);

// Whether a command line (without its zero) fits what the kernel and its architecture accept.
// Errors: too long (says the limit), holds a zero byte.
Result<void> check_command_line(const KernelImage& image, std::string_view line);

}  // namespace pv::boot
