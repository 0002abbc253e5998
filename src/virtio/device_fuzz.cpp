// A hostile driver against each device through the bus. The first byte chooses the device and
// whether the driver starts properly; the rest is a list of steps: registers, configuration space,
// descriptors, rings, raw memory, notifications, input, completions, resets, saved states.
#include <array>
#include <cstring>

#include "base/fuzz_input.h"
#include "block/fake_engine.h"
#include "device/fakes.h"
#include "virtio/block.h"
#include "virtio/console.h"
#include "virtio/entropy.h"
#include "virtio/fake_driver.h"

namespace pv::virtio {
namespace {

// Everything a step can touch. Arena and buffers lie in the first 64 KiB of RAM.
struct Target {
  FakeMachine& machine;
  Console* console;  // if that is the device
  bool is_disk;
  block::FakeEngine& engine;
  FakeDriver& driver = machine.driver;
};

u64 some_address(FuzzInput& in) {
  const u64 offset = in.half();
  switch (in.byte() % 8) {
    case 0: return offset;  // no RAM there
    case 1: return FakeMachine::ram_base + FakeMachine::ram_size - offset % 64;
    case 2: return ~u64{0} - offset;
    default: return FakeMachine::ram_base + offset;
  }
}

u32 some_length(FuzzInput& in) {
  switch (in.byte() % 6) {
    case 0: return in.word();
    case 1: return 16;
    case 2: return 512;
    case 3: return 1;
    default: return in.half();
  }
}

void touch_ring(Target& target, FuzzInput& in) {
  FakeDriver& driver = target.driver;
  if (driver.rings.empty()) return;
  const u16 index = static_cast<u16>(in.byte() % driver.rings.size());
  FakeDriver::Ring& ring = driver.rings[index];
  if (ring.size == 0) return;
  switch (in.byte() % 6) {
    case 0: {
      const u16 slot = static_cast<u16>(in.byte() % ring.size);
      const u64 address = some_address(in);
      const u32 length = some_length(in);
      const u16 flags = in.byte() & 15;
      driver.write_descriptor(index, slot, address, length, flags, in.byte());
      break;
    }
    case 1: driver.publish(index, in.byte() & 31); break;
    case 2: driver.publish(index, in.half()); break;
    case 3: driver.put_as(ring.avail + 2, Le16(in.half())); break;
    case 4: driver.set_used_event(index, in.half()); break;
    case 5: driver.put_as(ring.avail, Le16(in.half())); break;
  }
}

// A chain as a disk or console driver would make it, with a random middle.
void add_request(Target& target, FuzzInput& in) {
  FakeDriver& driver = target.driver;
  if (driver.rings.empty()) return;
  const u16 index = static_cast<u16>(in.byte() % driver.rings.size());
  if (driver.rings[index].size < 4) return;
  const u64 at = FakeMachine::ram_base + 0x8000 + 64u * in.byte();
  driver.put_as(at, spec::block::RequestHeader{u32{in.byte()}, u32{0}, u64{in.byte()}});
  std::vector<FakeDriver::Piece> pieces = {{at, 16, false}};
  pieces.push_back({some_address(in), some_length(in), (in.byte() & 1) != 0});
  pieces.push_back({at + 32, 1, true});
  if (in.byte() & 1)
    driver.add(index, pieces);
  else
    driver.add_indirect(index, pieces);
  driver.kick(index);
}

void access(Target& target, FuzzInput& in) {
  const u64 address = FakeMachine::device_base + in.half() % (VirtioMmio::size + 8);
  const auto width = static_cast<bus::Width>(1u << (in.byte() % 4));
  u64 value = in.word();
  if (value & 1)
    target.machine.bus.write(address, width, value >> 1);
  else
    target.machine.bus.read(address, width, value);
}

void set_register(Target& target, FuzzInput& in) {
  constexpr std::array<u32, 18> registers = {0x14, 0x20, 0x24, 0x30, 0x38,  0x44,
                                             0x50, 0x64, 0x70, 0x80, 0x84,  0x90,
                                             0x94, 0xa0, 0xa4, 0xac, 0x100, 0x108};
  const u32 reg = registers[in.byte() % registers.size()];
  const bool low_half = reg >= 0x80 && reg < 0xac && (reg & 4) == 0;
  target.driver.set(
      reg, low_half ? static_cast<u32>(FakeMachine::ram_base + in.half()) : u32{in.byte()});
}

void save_and_restore(Target& target, FuzzInput& in) {
  std::lock_guard lock(target.machine.transport.mutex());
  StateWriter out;
  target.machine.transport.save(out);
  std::vector<u8> state = out.take();
  if (in.byte() & 1) state[in.byte() % state.size()] ^= in.byte();
  if (in.byte() & 1) state.resize(in.byte() % state.size());
  StateReader reader(state);
  static_cast<void>(target.machine.transport.restore(reader));
}

void step(Target& target, FuzzInput& in) {
  switch (in.byte() % 12) {
    case 0: access(target, in); break;
    case 1: set_register(target, in); break;
    case 2:
    case 3: touch_ring(target, in); break;
    case 4: add_request(target, in); break;
    case 5: target.driver.kick(in.byte() & 3); break;
    case 6: target.driver.put_as(FakeMachine::ram_base + in.half(), Le32(in.word())); break;
    case 7: target.machine.executor.run(8); break;
    case 8:
      if (!target.is_disk) break;
      target.engine.immediate = (in.byte() & 1) != 0;
      target.engine.finish_one();
      target.engine.announce();
      break;
    case 9:
      if (target.console != nullptr) {
        std::lock_guard lock(target.machine.transport.mutex());
        const std::array<u8, 300> typed{};
        target.console->receive(Bytes(typed).first(in.byte()));
        target.console->resize(in.byte(), 1);
      }
      break;
    case 10: target.driver.start(); break;
    case 11: save_and_restore(target, in); break;
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
  Console ports(std::vector<Console::Port>{{&sink, &source}, {&sink, nullptr, "log", false}});
  std::array<VirtioDevice*, 3> devices = {&console, &rng, &disk};
  const bool several = choice % 3 == 0 && (choice & 0x40) != 0;
  if (several) devices[0] = &ports;
  FakeMachine machine(*devices[choice % 3]);
  Target target{machine,
                choice % 3 != 0 ? nullptr
                : several       ? &ports
                                : &console,
                choice % 3 == 2, engine};
  if (choice & 0x80) machine.driver.start();
  while (!in.empty()) step(target, in);
  machine.executor.run(100);
}

}  // namespace
}  // namespace pv::virtio

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pv::virtio::run({data, size});
  return 0;
}
