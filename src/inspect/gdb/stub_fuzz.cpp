// A client that sends anything. The first byte chooses the architecture and how the machine
// behaves; what follows are its bytes, in two pieces, with a stop in between.
#include <cstdlib>

#include "inspect/gdb/fake_target.h"
#include "inspect/gdb/stub.h"

using namespace pv;
using namespace pv::inspect::gdb;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size) {
  if (size == 0) return 0;
  FakeTarget target(all_architectures[data[0] & 3], 3);
  target.refuses = (data[0] & 4) != 0;
  if ((data[0] & 8) != 0) target.offset = 0;
  usize sent = 0;
  auto send = [&](std::string_view text) {
    // No answer is longer than a packet may be, with its frame and its bytes escaped.
    if (text.size() > 2 * max_packet + 8) std::abort();
    sent += text.size();
  };
  Stub stub(target, describe(target.files[0]), {}, send);
  Bytes all(data + 1, size - 1);
  stub.receive(all.first(all.size() / 2));
  if (stub.running()) stub.stopped({.reason = Stop::Reason::breakpoint, .cpu = 2});
  stub.receive(all.subspan(all.size() / 2));
  stub.note("end");
  // The guest's reset: another one goes on.
  Stub next(target, describe(target.files[0]), {}, send, stub.terms());
  next.stopped({});
  next.receive(all.subspan(all.size() / 2));
  stub.exited(1);
  return 0;
}
