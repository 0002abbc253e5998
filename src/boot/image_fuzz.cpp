// Any file, parsed for each architecture and, where that is accepted, loaded. What parse() accepts
// must lie in RAM; load_kernel() may only succeed or refuse.
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fd.h"
#include "boot/loader.h"
#include "boot/test_images.h"

using namespace pv;
using namespace pv::boot;

namespace {

constexpr GuestRange arm_ram[] = {{GuestAddress(0x4000'0000), 16_MiB}};
constexpr GuestRange riscv_ram[] = {{GuestAddress(0x8000'0000), 16_MiB}};
constexpr GuestRange x86_ram[] = {{GuestAddress(0), 0xa0000}, {GuestAddress(1_MiB), 63_MiB}};
constexpr Reserved x86_reserved[] = {{{GuestAddress(0x6000), 0x8000}, "the zero page"}};

struct Host {
  explicit Host(const Target& t) : target(t) {
    for (const GuestRange& range : t.ram) CHECK(ram.add(range, memory::Backing::anonymous));
  }
  Target target;
  memory::GuestMemory ram;
};

void run(Host& host, const ImageFile& file) {
  auto image = parse(file, host.target);
  if (!image) {
    CHECK(!image.error().message.empty());
    return;
  }
  bool entry_inside = false;
  for (const Segment& segment : image->segments) {
    CHECK(segment.file_size <= segment.memory_size);
    CHECK(host.ram.contains(segment.dest, segment.memory_size));
    entry_inside |= segment.range().contains(image->entry, 1);
  }
  CHECK(entry_inside);
  CHECK(!describe(*image).empty());
  (void)place(*image, host.target, {.initrd_size = file.size(), .tree_size = 64_KiB});
  for (LoadMethod method : {LoadMethod::read, LoadMethod::map})
    (void)load_kernel(host.ram, file, *image, {.method = method});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Host hosts[] = {Host(target_for(Arch::aarch64, arm_ram)),
                         Host(target_for(Arch::riscv64, riscv_ram)),
                         Host(target_for(Arch::x86_64, x86_ram, x86_reserved)),
                         Host(target_for(Arch::powerpc, x86_ram))};
  std::vector<u8> content(data, data + size);
  // Without valid checksums no input would get behind a uImage's header. Some keep broken ones.
  if (size >= 64 && load_as<Be32>(content, 0) == 0x2705'1956u && content[8] % 8 != 7)
    test::seal_uimage(content);
  Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  if (!fd.valid() || !write_fully(fd.get(), content)) return 0;
  auto file = ImageFile::open(fd.get(), "fuzz");
  if (!file) return 0;
  for (Host& host : hosts) run(host, *file);
  return 0;
}
