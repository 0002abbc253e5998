// Any file, inspected and held against each machine. Nothing may be said without words, and what
// is judged to start must be what parse() plans.
#include <unistd.h>

#include "base/check.h"
#include "base/fd.h"
#include "boot/inspection.h"
#include "boot/test_images.h"

using namespace pv;
using namespace pv::boot;

namespace {

constexpr GuestRange arm_ram[] = {{GuestAddress(0x4000'0000), 16_MiB}};
constexpr GuestRange riscv_ram[] = {{GuestAddress(0x8000'0000), 16_MiB}};
constexpr GuestRange low_ram[] = {{GuestAddress(0), 64_MiB}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Fd fd = test::file_with(Bytes(data, size));
  auto file = ImageFile::open(fd.get(), "fuzz");
  if (!file) return 0;
  auto found = inspect(*file);
  if (!found) {
    CHECK(!found.error().message.empty());
    return 0;
  }
  CHECK(!found->what.empty());
  CHECK((found->kind == Inspection::Kind::foreign) == !found->instead.empty());
  for (const auto& finding : found->findings) CHECK(!finding.what.empty());
  for (const auto& target :
       {target_for(Arch::aarch64, arm_ram), target_for(Arch::riscv64, riscv_ram),
        target_for(Arch::x86_64, low_ram), target_for(Arch::powerpc, low_ram)}) {
    (void)found->drivers(target.arch);
    const Verdict verdict =
        judge(*file, *found, target, {.initrd_size = size, .tree_size = 34_KiB});
    if (verdict.refusal) {
      CHECK(!verdict.refusal->message.empty());
      continue;
    }
    CHECK(!verdict.image.segments.empty());
    CHECK(!contract_of(verdict.image, verdict.layout).empty());
  }
  return 0;
}
