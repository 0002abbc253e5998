// Guest memory of any content, searched for a kernel's table of names: nothing may be read outside
// it, and no walk may go on for ever.
#include <algorithm>

#include "inspect/fake_subject.h"
#include "inspect/kallsyms.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pv;
  if (size == 0) return 0;
  const bool big = (data[0] & 1) != 0;
  inspect::FakeSubject guest(big ? Arch::powerpc : Arch::x86_64, 0x10000, 128 << 10);
  guest.put(0x20000, {data + 1, std::min<usize>(size - 1, 64 << 10)});
  const auto names = inspect::Kallsyms::find(guest, 0x20000, [] { return true; });
  if (!names) return 0;
  for (u64 address : {u64{0}, u64{0x1004}, u64{0xc000'0000}, 0xffff'ffff'8100'0004, ~u64{0}}) {
    const auto found = names->describe(address);
    if (found.size() > 1024) __builtin_trap();
  }
  static_cast<void>(names->address_of("panic"));
  return 0;
}
