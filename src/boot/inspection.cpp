#include "boot/inspection.h"

#include <algorithm>

#include "base/text.h"
#include "boot/inspect_parts.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

std::string wrapping(const Unwrapped& unwrapped) {
  const char* compression = name_of(unwrapped.content.compression());
  switch (unwrapped.wrapper) {
    case Wrapper::none: break;
    case Wrapper::compressed: return text(", compressed with {}", compression);
    case Wrapper::zboot: return text(", in an EFI zboot wrapper ({})", compression);
  }
  return {};
}

Result<void> inspect_flat(const Content& content, Inspection& into) {
  into.kind = Inspection::Kind::flat;
  into.what = "of no format that is known: it would be started as a flat binary";
  Bytes head = content.head().first(std::min<usize>(content.head().size(), 16));
  const bool constant =
      std::ranges::all_of(head, [&](u8 c) { return c == head[0] && (c == 0 || c == 0xff); });
  if (constant)
    suspect(into, text("it begins with bytes of {:#04x}, which are no instructions", head[0]),
            "give the program, not an empty or padded file");
  note(into,
       "a flat binary does not tell its architecture, nor how much memory it needs behind its end "
       "(BSS)",
       "give the ELF file it was made of: that tells both");
  return scan_kernel(TRY(ByteStream::of(content)), into);
}

Result<void> inspect_content(const Content& content, Inspection& into) {
  Bytes head = content.head();
  into.kind = Inspection::Kind::kernel;
  if (is_elf(head)) return inspect_elf(content, into);
  if (is_bzimage(head)) return inspect_bzimage(content, into);
  if (is_arm64_image(head) || is_riscv_image(head)) {
    TRY(is_arm64_image(head) ? inspect_arm64_image(content, into)
                             : inspect_riscv_image(content, into));
    return scan_kernel(TRY(ByteStream::of(content)), into);
  }
  if (TRY(inspect_foreign(content, into))) return {};
  return inspect_flat(content, into);
}

// What the loader cannot know: a driver that is not there.
void judge_drivers(const Inspection& inspection, Arch arch, std::vector<Finding>& into) {
  if (arch == Arch::x86_64 && inspection.config && !inspection.config->built_in("64BIT"))
    into.push_back(
        {Finding::Level::suspicious, "its configuration is that of a 32-bit kernel", {}});
  const char* source = inspection.config ? "its configuration lacks" : "there is no trace in it of";
  for (const DriverState& state : inspection.drivers(arch)) {
    if (state.presence == Presence::built_in || state.presence == Presence::unknown) continue;
    const Driver& driver = *state.driver;
    if (!driver.essential) continue;  // told in the list of drivers
    const char* as_module = state.presence == Presence::module ? " (a module comes too late)" : "";
    into.push_back({Finding::Level::suspicious,
                    text("{} {}{}: {}", source, driver.what, as_module, driver.without),
                    text("build the kernel with CONFIG_{}=y", driver.option)});
  }
}

// Formats that do not tell their BSS: how far it may grow before it meets something.
void judge_room(const KernelImage& image, const Layout& layout, std::vector<Finding>& into) {
  if (image.format != Format::flat) return;
  const u64 end = image.extent().end();
  u64 room = ~u64{0};
  const char* what = "";
  const auto consider = [&](GuestRange range, const char* name) {
    if (range.size == 0 || range.base.value() < end || range.base.value() - end >= room) return;
    room = range.base.value() - end;
    what = name;
  };
  consider(layout.tree, "the device tree");
  consider(layout.initrd, "the initrd");
  constexpr u64 ample = 4_MiB;
  if (room == ~u64{0} || room >= ample) return;
  into.push_back({Finding::Level::suspicious,
                  text("a BSS or stack of more than {} behind it would overwrite {} at {:#x}",
                       rounded_size(room), what, end + room),
                  "give the guest more memory, or give the ELF file: that tells its BSS"});
}

}  // namespace

std::string rounded_size(u64 bytes) {
  constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1_KiB) return text("{} bytes", bytes);
  usize unit = 0;
  while (unit + 1 < std::size(units) && bytes >> (10 * (unit + 2)) != 0) ++unit;
  const u64 one = u64{1} << (10 * (unit + 1));
  const u64 whole = bytes / one, tenths = (bytes % one) * 10 / one;
  if (tenths == 0 || whole >= 1000) return text("{} {}", whole, units[unit]);
  return text("{}.{} {}", whole, tenths, units[unit]);
}

Result<Inspection> inspect(const ImageFile& file) {
  Inspection inspection;
  if (is_uimage(file.head())) {
    inspection.kind = Inspection::Kind::kernel;
    TRY(inspect_uimage(file, inspection));
    return inspection;
  }
  constexpr u64 deepest = 1_GiB;
  Unwrapped unwrapped = TRY(unwrap(file, deepest));
  TRY(inspect_content(unwrapped.content, inspection));
  inspection.what += wrapping(unwrapped);
  return inspection;
}

Verdict judge(const ImageFile& file, const Inspection& inspection, const Target& target,
              const PlaceRequest& request) {
  Verdict verdict;
  auto image = parse(file, target);
  if (!image) {
    verdict.refusal = std::move(image).error();
    return verdict;
  }
  auto layout = place(*image, target, request);
  if (!layout) {
    verdict.refusal = std::move(layout).error();
    return verdict;
  }
  judge_drivers(inspection, target.arch, verdict.findings);
  judge_room(*image, *layout, verdict.findings);
  verdict.image = *std::move(image);
  verdict.layout = *layout;
  return verdict;
}

const char* protocol_name(EntryProtocol protocol) {
  switch (protocol) {
    case EntryProtocol::linux_arm64: return "the arm64 Linux boot protocol";
    case EntryProtocol::riscv: return "the RISC-V Linux boot protocol";
    case EntryProtocol::x86_linux64: return "the 64-bit x86 Linux boot protocol";
    case EntryProtocol::x86_pvh: return "PVH";
    case EntryProtocol::epapr: return "ePAPR";
  }
  return "";
}

std::vector<std::string> contract_of(const KernelImage& image, const Layout& layout) {
  const u64 entry = image.entry.value(), tree = layout.tree.base.value();
  switch (image.protocol) {
    case EntryProtocol::linux_arm64:
      return {text("pc = {:#x}", entry), text("x0 = {:#x} (device tree)", tree),
              "x1 to x30, sp = 0", "EL1, interrupts masked, MMU and data cache off",
              "other system registers are unknown, as on hardware"};
    case EntryProtocol::riscv:
      return {text("pc = {:#x}", entry), "a0 = hart id (0)", text("a1 = {:#x} (device tree)", tree),
              "other registers = 0", "S-mode, satp = 0 (no translation), interrupts off"};
    case EntryProtocol::epapr:
      return {text("pc = {:#x}", entry), text("r3 = {:#x} (device tree)", tree),
              "r6 = 0x45504150 (ePAPR's magic), r7 = size of the boot mapping",
              "r1 = a stack below 16 MiB, other registers = 0",
              "one TLB1 entry maps 0 to 0; supervisor mode, interrupts off"};
    case EntryProtocol::x86_linux64:
      return {text("rip = {:#x}", entry), "rsi = boot_params (the zero page)",
              "other registers = 0", "64-bit mode, the first 4 GiB mapped 1:1, interrupts off"};
    case EntryProtocol::x86_pvh:
      return {text("eip = {:#x}", entry), "ebx = hvm_start_info",
              "32-bit protected mode, paging off, flat segments, interrupts off"};
  }
  return {};
}

}  // namespace pv::boot
