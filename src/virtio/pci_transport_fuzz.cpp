// A hostile guest against each device behind PCI. The first byte chooses device, interface and
// whether the driver starts properly; the rest is a list of steps: configuration space, BARs,
// rings, notifications, interrupts, saved states.
#include <array>

#include "base/fuzz_input.h"
#include "block/fake_engine.h"
#include "device/fakes.h"
#include "virtio/block.h"
#include "virtio/console.h"
#include "virtio/entropy.h"
#include "virtio/fake_pci.h"

namespace pv::virtio {
namespace {

bus::Width width(FuzzInput& in) { return static_cast<bus::Width>(1u << (in.byte() % 4)); }

void add_chain(FakePciMachine& machine, FuzzInput& in) {
  FakeDriver& driver = machine.driver;
  if (driver.rings.empty()) return;
  const u16 index = static_cast<u16>(in.byte() % driver.rings.size());
  if (driver.rings[index].size < 4) return;
  const u64 at = FakePciMachine::ram_base + 0x2'0000 + 64u * in.byte();
  driver.put_as(at, spec::block::RequestHeader{u32{in.byte()}, u32{0}, u64{in.byte()}});
  driver.add(index, {{at, 16, false},
                     {FakePciMachine::ram_base + in.half(), in.half(), (in.byte() & 1) != 0},
                     {at + 32, 1, true}});
  machine.kick(index);
}

void save_and_restore(FakePciMachine& machine, FuzzInput& in) {
  {
    std::lock_guard lock(machine.function.mutex());
    StateWriter out;
    machine.function.save(out);
    std::vector<u8> state = out.take();
    if (in.byte() & 1) state[in.half() % state.size()] ^= in.byte();
    if (in.byte() & 1) state.resize(in.half() % state.size());
    StateReader reader(state);
    static_cast<void>(machine.function.restore(reader));
  }
  machine.host.root.update();
}

// `engine` is the disk's; null for other devices.
void step(FakePciMachine& machine, block::FakeEngine* engine, FuzzInput& in) {
  u64 value = 0;
  bus::Bus& bus = machine.host.bus;
  switch (in.byte() % 12) {
    case 0: bus.read(machine.host.address(1, in.byte()), width(in), value); break;
    case 1: bus.write(machine.host.address(1, in.byte()), width(in), in.word()); break;
    case 2: bus.write(FakePciMachine::bar + in.half() % 0x1000, width(in), in.word()); break;
    case 3: bus.read(FakePciMachine::bar + in.half() % 0x1000, width(in), value); break;
    case 4: machine.set_common(in.byte() & 0x3f, in.half()); break;
    case 5: bus.write(FakePciMachine::io_bar + in.byte() % 0x80, width(in), in.word()); break;
    case 6: bus.read(FakePciMachine::io_bar + in.byte() % 0x80, width(in), value); break;
    case 7: add_chain(machine, in); break;
    case 8:
      if (engine != nullptr) {
        engine->immediate = (in.byte() & 1) != 0;
        engine->finish_one();
        engine->announce();
      }
      machine.executor.run(8);
      break;
    case 9: machine.place(); break;
    case 10: save_and_restore(machine, in); break;
    case 11:
      if (in.byte() & 1) machine.enable_msix();
      machine.driver.forget();
      if (in.byte() & 1)
        machine.start_legacy(in.byte());
      else
        machine.start(machine.offered(), (in.byte() & 1) != 0);
      break;
  }
}

void run(Bytes bytes) {
  FuzzInput in(bytes);
  device::NullSink sink;
  device::CountingSource source;
  device::FakeEntropy entropy;
  block::FakeImage image(64 * 512);
  block::FakeEngine engine(64 * 512);
  Console console(sink, source);
  Rng rng(entropy);
  Block disk(image, engine, "fuzz");
  const u8 choice = in.byte();
  std::array<VirtioDevice*, 3> devices = {&console, &rng, &disk};
  FakePciMachine machine(*devices[choice % 3],
                         choice & 0x40 ? VirtioPci::Kind::transitional : VirtioPci::Kind::modern,
                         (choice & 0x20) != 0);
  machine.place();
  if (choice & 0x80) machine.start();
  for (int steps = 0; !in.empty() && steps < 500; ++steps)
    step(machine, choice % 3 == 2 ? &engine : nullptr, in);
  machine.executor.run(100);
}

}  // namespace
}  // namespace pv::virtio

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pv::virtio::run({data, size});
  return 0;
}
