// A hostile guest against two functions: configuration accesses of every kind, BARs that move over
// each other, MSI-X tables, interrupts meanwhile, saved states that are damaged. Afterwards every
// BAR that can be put into its window must answer there.
#include <cstdlib>

#include "base/fuzz_input.h"
#include "pci/fakes.h"

namespace pv::pci {
namespace {

bus::Width width(FuzzInput& in) { return static_cast<bus::Width>(1u << (in.byte() % 4)); }

void save_and_restore(FakeHost& host, FakeFunction& function, FuzzInput& in) {
  std::lock_guard lock(function.mutex());
  StateWriter out;
  function.save(out);
  std::vector<u8> state = out.take();
  if (in.byte() & 1) state[in.word() % state.size()] ^= in.byte();
  if (in.byte() & 1) state.resize(in.word() % state.size());
  StateReader reader(state);
  static_cast<void>(function.restore(reader));
  static_cast<void>(host);
}

void step(FakeHost& host, std::array<FakeFunction*, 2> functions, FuzzInput& in) {
  const u8 what = in.byte();
  FakeFunction& function = *functions[what >> 7];
  const unsigned device = (what >> 7) != 0 ? 3 : 1;
  u64 value = 0;
  switch (what % 8) {
    case 0: host.bus.read(host.address(device, in.byte()), width(in), value); break;
    case 1: host.bus.write(host.address(device, in.byte()), width(in), in.word()); break;
    case 2:
      host.set(device, 0x18, FakeHost::memory_base + (u32{in.byte()} << 13));
      host.set(device, 0x1c, in.byte() & 1);
      host.command(device, in.byte() & 7);
      break;
    case 3:
      host.bus.write(FakeHost::memory_base + (u32{in.byte()} << 13) + (in.word() & 0x3fff),
                     width(in), in.word());
      break;
    case 4: function.interrupt(in.byte() % 5); break;
    case 5: function.intx((in.byte() & 1) != 0); break;
    case 6:
      save_and_restore(host, function, in);
      host.root.update();
      break;
    case 7: host.bus.read(FakeHost::ecam_base + (in.word() & 0xf'ffff), width(in), value); break;
  }
}

void run(Bytes bytes) {
  FuzzInput in(bytes);
  FakeHost host;
  hv::FakeMsiTarget target;
  FakeFunction first(&target), second;
  CHECK(host.root.add(1, first) && host.root.add(3, second));
  while (!in.empty()) step(host, {&first, &second}, in);
  for (const unsigned device : {1u, 3u}) {
    host.set(device, 0x18, FakeHost::memory_base + device * 0x10'0000);
    host.set(device, 0x1c, 0);
    host.command(device, spec::command_memory);
    CHECK(host.answers(FakeHost::memory_base + device * 0x10'0000));
  }
  CHECK(host.bus.kept() <= 3);
}

}  // namespace
}  // namespace pv::pci

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pv::pci::run({data, size});
  return 0;
}
