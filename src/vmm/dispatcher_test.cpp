#include "vmm/dispatcher.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "hv/fake.h"

namespace pv::vmm {
namespace {

using hv::GuestAddress;
using hv::Width;

// Writes down each access: "r 4 @8", "w 1 @0 = 41".
class Scribe final : public bus::MmioDevice {
 public:
  Scribe(std::string name, std::vector<std::string>& log) : name_(std::move(name)), log_(log) {}
  u64 read(bus::Access a) override {
    log_.push_back(text("{} r {} @{:x}", name_, bus::bytes(a.width), a.offset));
    return answer++;
  }
  void write(bus::Access a, u64 value) override {
    log_.push_back(text("{} w {} @{:x} = {:x}", name_, bus::bytes(a.width), a.offset, value));
  }
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }
  u64 answer = 0x1122'3344'5566'7788;

 private:
  std::string name_;
  std::vector<std::string>& log_;
};

// A machine of which only call() is of interest.
class CallMachine final : public machine::Machine {
 public:
  std::vector<memory::GuestRange> ram() const override { return {}; }
  u64 highest_address() const override { return 0; }
  Result<machine::IrqChip> choose_irqchip(
      const std::function<bool(machine::IrqChipKind)>&) override {
    return machine::UserIrqChip{};
  }
  Result<void> build(const machine::Wiring&, const machine::HostFacts&) override { return {}; }
  Result<void> load(const machine::Payload&) override { return {}; }
  machine::BootState boot_state(unsigned) const override { return {}; }
  const std::string& summary() const override { return summary_; }
  usize receive(usize, Bytes) override { return 0; }
  bool polls_for_input() const override { return false; }
  std::span<const machine::VirtioSlot> virtio_slots() const override { return {}; }
  std::vector<machine::PostedWindow> posted_windows() const override { return {}; }
  CallResult call(const hv::Hypercall& call) override {
    return {-static_cast<i64>(call.function), call.arguments[0] + 1};
  }

 private:
  std::string summary_;
};

struct Dispatch : ::testing::Test {
  std::vector<std::string> log;
  Scribe mmio_device{"mmio", log}, port{"port", log};
  bus::Bus mmio, pio;
  hv::FakeVm vm;
  CallMachine machine;
  Log quiet{-1, LogLevel::error};
  std::vector<Outcome> outcomes;
  memory::GuestMemory ram;
  Undescribed undescribed{mmio, ram, machine::UserIrqChip{}, 4, config::Nisv::abort, quiet};
  Dispatcher dispatcher{vm, machine, mmio, pio, undescribed, quiet, [this](Outcome outcome) {
                          outcomes.push_back(std::move(outcome));
                        }};
  hv::FakeVcpu vcpu{3};

  void SetUp() override {
    ASSERT_TRUE(mmio.attach({0x1000, 0x100}, mmio_device, "mmio"));
    ASSERT_TRUE(pio.attach({0x60, 16}, port, "port"));
  }
  // The vCPU goes on, and the VM too.
  void goes_on(const hv::Exit& exit) {
    EXPECT_TRUE(dispatcher.handle(vcpu, exit));
    EXPECT_TRUE(outcomes.empty());
  }
  Outcome ends(const hv::Exit& exit) {
    outcomes.clear();
    EXPECT_FALSE(dispatcher.handle(vcpu, exit));
    EXPECT_EQ(outcomes.size(), 1u);
    return outcomes.empty() ? Outcome{} : outcomes[0];
  }
};

TEST_F(Dispatch, MmioReadIsAnsweredAtItsWidth) {
  goes_on(hv::MmioRead{GuestAddress(0x1008), Width::dword});
  goes_on(hv::MmioRead{GuestAddress(0x1010), Width::byte});
  EXPECT_EQ(log, (std::vector<std::string>{"mmio r 8 @8", "mmio r 1 @10"}));
  EXPECT_EQ(vcpu.reads, (std::vector<u64>{0x1122'3344'5566'7788, 0x89}));
}

TEST_F(Dispatch, ReadsOfNothingGiveAllOnes) {
  goes_on(hv::MmioRead{GuestAddress(0x5000), Width::half});
  goes_on(hv::MmioRead{GuestAddress(0x10fe), Width::word});  // crosses the device's end
  EXPECT_EQ(vcpu.reads, (std::vector<u64>{0xffff, 0xffff'ffff}));
  EXPECT_TRUE(log.empty());
}

TEST_F(Dispatch, MmioWriteArrivesAndStrayOnesVanish) {
  goes_on(hv::MmioWrite{GuestAddress(0x1004), Width::word, 0xdead'beef});
  goes_on(hv::MmioWrite{GuestAddress(0x9000), Width::word, 1});
  EXPECT_EQ(log, (std::vector<std::string>{"mmio w 4 @4 = deadbeef"}));
}

// powerpc: KVM has given the guest an exception for it. Elsewhere KVM_RUN failed.
TEST_F(Dispatch, UnemulatedInstructionsEndTheRunUnlessTheGuestWasTold) {
  goes_on(hv::Unemulated{0x1000, true, 0x7c00'0001});
  EXPECT_EQ(ends(hv::Unemulated{0x1000}).kind, Outcome::Kind::crash);
}

TEST_F(Dispatch, PortIoMovesEveryItemOfAString) {
  u8 out[] = {0x34, 0x12, 0x78, 0x56};
  goes_on(hv::Pio{0x60, Width::half, true, out});
  u8 in[] = {0, 0, 0, 0, 0, 0, 0, 0};
  goes_on(hv::Pio{0x64, Width::word, false, in});
  EXPECT_EQ(log, (std::vector<std::string>{"port w 2 @0 = 1234", "port w 2 @0 = 5678",
                                           "port r 4 @4", "port r 4 @4"}));
  EXPECT_EQ(in[0], 0x88);
  EXPECT_EQ(in[3], 0x55);
  EXPECT_EQ(in[4], 0x89);
}

TEST_F(Dispatch, UnclaimedPortsReadAllOnes) {
  u8 in[] = {0, 0};
  goes_on(hv::Pio{0x300, Width::half, false, in});
  EXPECT_EQ(in[0], 0xff);
  EXPECT_EQ(in[1], 0xff);
  u8 out[] = {1};
  goes_on(hv::Pio{0x300, Width::byte, true, out});
  EXPECT_TRUE(log.empty());
}

TEST_F(Dispatch, HypercallsGoToTheMachine) {
  goes_on(hv::Hypercall{0x4442434e, 2, {41, 0, 0, 0, 0, 0}});
  ASSERT_EQ(vcpu.calls.size(), 1u);
  EXPECT_EQ(vcpu.calls[0].first, -2);
  EXPECT_EQ(vcpu.calls[0].second, 42u);
}

TEST_F(Dispatch, PostedWritesComeBeforeTheExit) {
  vm.post({hv::Space::mmio, 0x1000, Width::byte, 'a'});
  vm.post({hv::Space::pio, 0x61, Width::byte, 'b'});
  vm.post({hv::Space::mmio, 0x7000, Width::byte, 'c'});  // to nothing
  goes_on(hv::MmioRead{GuestAddress(0x1004), Width::word});
  EXPECT_EQ(log, (std::vector<std::string>{"mmio w 1 @0 = 61", "port w 1 @1 = 62", "mmio r 4 @4"}));
  EXPECT_EQ(dispatcher.delivered(), 3u);
  EXPECT_EQ(dispatcher.drain_posted(), 0u);
  vm.post({hv::Space::mmio, 0x1000, Width::byte, 'd'});
  EXPECT_EQ(dispatcher.drain_posted(), 1u);
}

TEST_F(Dispatch, ThoseOfTheEndAreSeenToo) {
  vm.post({hv::Space::mmio, 0x1000, Width::byte, 'z'});
  ends(hv::SystemEvent{hv::SystemEvent::Type::shutdown, 0});
  EXPECT_EQ(log, (std::vector<std::string>{"mmio w 1 @0 = 7a"}));
}

TEST_F(Dispatch, SystemEventsAreOutcomes) {
  using Type = hv::SystemEvent::Type;
  EXPECT_EQ(ends(hv::SystemEvent{Type::shutdown, 0}).kind, Outcome::Kind::power_off);
  EXPECT_EQ(ends(hv::SystemEvent{Type::reset, 0}).kind, Outcome::Kind::reset);
  EXPECT_EQ(ends(hv::SystemEvent{Type::crash, 0}).kind, Outcome::Kind::panic);
  outcomes.clear();
  goes_on(hv::SystemEvent{Type::suspend, 0});
  goes_on(hv::Interrupted{});
}

// Each way to die says which CPU, what happened and, where there is something, what to do.
TEST_F(Dispatch, CrashesAreExplained) {
  struct Case {
    hv::Exit exit;
    const char* says;
    bool hint;
  };
  const Case cases[] = {
      {hv::Debug{0x4000}, "debug exit at 0x4000", false},
      {hv::FailEntry{7}, "refused to enter the guest (reason 0x7)", true},
      {hv::InternalError{1, {0xab, 0, 0, 0}}, "an instruction that KVM cannot emulate", true},
      {hv::InternalError{2, {}}, "an exception while delivering an exception", true},
      {hv::InternalError{3, {}}, "a failure to deliver an event", true},
      {hv::InternalError{4, {}}, "an unexpected exit", true},
      {hv::InternalError{99, {}}, "an internal error (suberror 99", true},
      {hv::TripleFault{}, "triple fault", true},
      {hv::Halted{}, "halted for ever", false},
      {hv::Unknown{77}, "exit reason 77", true},
  };
  for (const Case& c : cases) {
    Outcome outcome = ends(c.exit);
    EXPECT_EQ(outcome.kind, Outcome::Kind::crash);
    EXPECT_NE(outcome.message.find(c.says), std::string::npos) << outcome.message;
    EXPECT_EQ(outcome.message.substr(0, 5), "CPU 3") << outcome.message;
    EXPECT_EQ(!outcome.hint.empty(), c.hint) << outcome.message;
  }
}

}  // namespace
}  // namespace pv::vmm
