// Every device through the bus: random accesses, input, time, alarms, and a save and restore in
// the middle. What one byte of input means is in step(); the input's length bounds the work.
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/fuzz_input.h"
#include "bus/bus.h"
#include "device/acpi_pm.h"
#include "device/cmos.h"
#include "device/debug_exit.h"
#include "device/fakes.h"
#include "device/gic_v2.h"
#include "device/goldfish_rtc.h"
#include "device/guest_panic.h"
#include "device/i8042.h"
#include "device/mpc85xx_guts.h"
#include "device/mpc8xxx_gpio.h"
#include "device/ns16550.h"
#include "device/pl011.h"
#include "device/pl031.h"
#include "device/plic.h"
#include "device/port92.h"
#include "device/reset_control.h"
#include "device/sifive_test.h"

namespace pv::device {
namespace {

using bus::Width;

class NullAlarm final : public AlarmTimer {
 public:
  void arm(u64 after_ns) override { CHECK(after_ns <= max_ns); }
  void cancel() override {}
};

class Machine {
 public:
  Machine() {
    const struct {
      bus::MmioDevice& device;
      u64 size;
    } all[] = {{uart, 8},          {wide_uart, 0x100}, {pl011, Pl011::size}, {pl031, 0x1000},
               {goldfish, 0x1000}, {cmos, Cmos::size}, {pm, AcpiPm::size},   {i8042, I8042::size},
               {finisher, 0x1000}, {exit, 4},          {panic, 1},           {port92, 1},
               {reset, 1},         {plic, Plic::size}, {guts, 0x1000},       {gpio, 0x1000},
               {gic, GicV2::size}};
    for (const auto& entry : all) {
      CHECK(bus.attach({devices.size() * stride, entry.size}, entry.device, "fuzzed"));
      devices.push_back(&entry.device);
    }
  }

  void step(FuzzInput& in) {
    const u8 what = in.byte();
    const u64 index = in.take(1) % devices.size();
    switch (what & 0x0f) {
      case 0: uart.receive(in.take_bytes(in.take(1) % 64)); break;
      case 1: pl011.receive(in.take_bytes(in.take(1) % 64)); break;
      case 2: uart.receive_break(), pl011.receive_break(); break;
      case 3: clock.advance_ns(in.take(8)); break;
      case 4: pl031.expired(), goldfish.expired(); break;
      case 5: plic.source(1 + static_cast<u32>(in.take(1)) % 95).set(what & 0x10); break;
      case 6:
        pm.press_power_button();
        gic.shared(static_cast<u32>(in.take(1)) % 64).set(what & 0x10);
        gic.set_private(what >> 5 & 3, what >> 3, what & 0x10);
        break;
      case 7: save_and_restore(*devices[index], in); break;
      default: access(index, what & 1, in);
    }
  }

 private:
  static constexpr u64 stride = 0x100'0000;

  // Half of the offsets small, where the registers are.
  void access(u64 index, bool write, FuzzInput& in) {
    const u8 shape = in.byte();
    const Width width = static_cast<Width>(1u << (shape & 3));
    const u64 offset = (shape & 4) ? in.take(3) : in.take(1);
    const u32 cpu = shape >> 3 & 3;
    u64 value = 0;
    if (write)
      bus.write(index * stride + offset, width, in.take(bytes(width)), cpu);
    else if (bus.read(index * stride + offset, width, value, cpu))
      CHECK((value & ~all_ones(width)) == 0);
  }

  static std::vector<u8> saved(const bus::MmioDevice& device) {
    StateWriter out;
    device.save(out);
    return out.take();
  }

  // What was saved must be taken back. A restored device may at once notice that its alarm has
  // come; from then on restoring changes nothing, and a damaged state is taken or refused whole.
  void save_and_restore(bus::MmioDevice& device, FuzzInput& in) {
    const std::vector<u8> first = saved(device);
    StateReader again(first);
    CHECK(device.restore(again));
    const std::vector<u8> settled = saved(device);
    CHECK(settled.size() == first.size());
    StateReader once_more(settled);
    CHECK(device.restore(once_more));
    CHECK(saved(device) == settled);
    std::vector<u8> damaged = settled;
    damaged[in.take(1) % damaged.size()] ^= in.byte();
    StateReader reader(damaged);
    if (!device.restore(reader)) CHECK(saved(device) == settled);
  }

  hv::FakeIrqLine irq;
  NullSink sink;
  FakeClock clock;
  FakePower power;
  NullAlarm alarm;
  FakeExternalInterrupt hart0, hart1;
  Ns16550 uart{irq, sink};
  Ns16550 wide_uart{irq, sink, 2};
  Pl011 pl011{irq, sink};
  Pl031 pl031{irq, clock, &alarm};
  GoldfishRtc goldfish{irq, clock, &alarm};
  Cmos cmos{clock, 1_GiB, 1_GiB};
  AcpiPm pm{irq, clock, power};
  I8042 i8042{power};
  SifiveTest finisher{power};
  DebugExit exit{power};
  GuestPanic panic{power};
  Port92 port92{power};
  ResetControl reset{power};
  Mpc85xxGuts guts{power, 0x8021'0030, 0x8032'0010};
  Mpc8xxxGpio gpio{power};
  Plic plic{95, {nullptr, &hart0, nullptr, &hart1}};
  GicV2 gic{96, {&hart0, &hart1}};
  bus::Bus bus;
  std::vector<bus::MmioDevice*> devices;
};

}  // namespace
}  // namespace pv::device

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto machine = std::make_unique<pv::device::Machine>();
  pv::FuzzInput in(pv::Bytes(data, size));
  while (!in.empty()) machine->step(in);
  return 0;
}
