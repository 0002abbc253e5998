// Guest memory of any content, searched for a log buffer: nothing may be read outside it, and no
// walk may go on for ever.
#include <algorithm>

#include "inspect/fake_subject.h"
#include "inspect/kernel_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pv;
  if (size == 0) return 0;
  const Arch arch = (data[0] & 1) != 0 ? Arch::powerpc : Arch::aarch64;
  inspect::FakeSubject guest(arch, 0x1000, 64 << 10);
  guest.put(0x1000 + (data[0] >> 1), {data + 1, std::min<usize>(size - 1, 32 << 10)});
  const auto log = inspect::find_kernel_log(guest, std::nullopt, [] { return true; }).log;
  if (log && log->lines.size() > inspect::KernelLog::max_lines) __builtin_trap();
  return 0;
}
