// Any device tree given by the user, checked and patched. What comes out must be a tree again.
#include "base/check.h"
#include "boot/fdt.h"

using namespace pv;
using namespace pv::boot;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const u8 seed[32] = {1, 2, 3};
  const memory::GuestRange ram[] = {{memory::GuestAddress(0x4000'0000), 1_GiB},
                                    {memory::GuestAddress(0x1'0000'0000), 1_GiB}};
  TreePatch patch;
  patch.bootargs = "console=ttyAMA0 quiet";
  patch.initrd = memory::GuestRange{memory::GuestAddress(0x4800'0000), 12345};
  patch.rng_seed = seed;
  patch.kaslr_seed = 42;
  for (bool with_ram : {false, true}) {
    if (with_ram) patch.ram = ram;
    auto tree = patch_tree({data, size}, patch);
    if (tree)
      CHECK(check_tree(*tree));
    else
      CHECK(!tree.error().message.empty());
  }
  return 0;
}
