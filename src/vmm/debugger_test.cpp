// Run control over fake vCPUs: what the guest would do is a list of steps, each of which looks at
// memory and at what its vCPU was told, as a real guest could not.
#include "vmm/debugger.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>

#include "hv/fake.h"

namespace pv::vmm {
namespace {

using inspect::gdb::Action;
using inspect::gdb::Point;
using inspect::gdb::Stop;
using Reason = Stop::Reason;
using memory::GuestAddress;

// Tasks are run where the test waits.
class TestLoop final : public loop::Executor {
 public:
  void post(std::function<void()> task) override {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !tasks_.empty(); });
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
};

struct DebuggerTest : ::testing::Test {
  TestLoop loop;
  memory::GuestMemory ram;
  std::vector<hv::FakeVcpu*> fakes;
  std::unique_ptr<VcpuGroup> group;
  std::unique_ptr<Debugger> debugger;
  std::optional<Stop> stop;
  std::optional<Outcome> ended;
  std::string notes;
  usize halts = 0;

  static hv::DebugLimits able() { return {true, true, true, 2, 2, {0xcc}, 1}; }
  void SetUp() override {
    // What the fake's registers mean to a page walk is x86's "no paging".
    if (host_arch != Arch::x86_64) GTEST_SKIP() << "written for x86_64's registers";
    ASSERT_TRUE(ram.add({GuestAddress(0), 64_KiB}, memory::Backing::anonymous));
    ASSERT_TRUE(ram.fill(GuestAddress(0), 64_KiB, 0x90));
  }
  void TearDown() override {
    if (group) group->stop();
  }

  void make(unsigned cpus, hv::DebugLimits limits = able()) {
    std::vector<std::unique_ptr<hv::Vcpu>> vcpus;
    for (unsigned i = 0; i < cpus; ++i) {
      auto vcpu = std::make_unique<hv::FakeVcpu>(i);
      for (const char* name : {"rip", "cr0", "cr3", "cr4", "efer"}) vcpu->registers.set(name, 0);
      vcpu->registers.set("rip", 0x100);
      fakes.push_back(vcpu.get());
      vcpus.push_back(std::move(vcpu));
    }
    group = std::make_unique<VcpuGroup>(
        std::move(vcpus),
        [this](hv::Vcpu& vcpu, const hv::Exit& exit) {
          const auto* debug = std::get_if<hv::Debug>(&exit);
          if (debug != nullptr) return debugger->on_debug(vcpu, *debug);
          return !std::holds_alternative<hv::TripleFault>(exit) ||
                 !debugger->hold_end({Outcome::Kind::crash, 0, "triple fault", {}});
        },
        [] { return Result<void>(); }, [](Error) {});
    Debugger::Hooks hooks;
    hooks.halted = [this] { ++halts; };
    hooks.finish = [this](Outcome outcome) { ended = outcome; };
    hooks.exit_report = [] { return std::string("exits 1"); };
    debugger = std::make_unique<Debugger>(*group, ram, loop, limits, std::move(hooks));
    ASSERT_TRUE(group->start());
    EXPECT_EQ(debugger
                  ->attach({[this](const Stop& s) { stop = s; },
                            [this](std::string note) { notes += note + "\n"; }})
                  .reason,
              Reason::halted);
    group->resume();
  }
  // What the guest does next on a CPU: `look`, then this exit.
  void guest(unsigned cpu, u64 pc, hv::DebugCause cause, std::function<void()> look = {},
             hv::Debug more = {}) {
    hv::FakeVcpu* vcpu = fakes[cpu];
    vcpu->then_step([=](u64) -> hv::Exit {
      if (look) look();
      vcpu->registers.set("rip", pc);
      return hv::Debug{pc, cause, more.address, more.slot};
    });
  }
  u8 byte(u64 address) {
    u8 value = 0;
    EXPECT_TRUE(ram.read(GuestAddress(address), value));
    return value;
  }
  Stop run(std::vector<Action> actions) {
    stop.reset();
    auto resumed = debugger->resume(actions);
    EXPECT_TRUE(resumed) << resumed.error().message;
    while (!stop) loop.run_one();
    return *stop;
  }
};

TEST_F(DebuggerTest, BreakpointsStandInMemoryOnlyWhileTheGuestRuns) {
  make(1);
  ASSERT_TRUE(debugger->insert(0, Point::software, 0x200, 1).value_or(false));
  EXPECT_EQ(byte(0x200), 0x90);
  u8 seen = 0;
  bool armed = false;
  guest(0, 0x200, hv::DebugCause::software, [&] {
    seen = byte(0x200);
    armed = fakes[0]->debug.software_breakpoints && !fakes[0]->debug.single_step;
  });
  Stop at = run({Action::go_on});
  EXPECT_EQ(at.reason, Reason::breakpoint);
  EXPECT_EQ(at.point, Point::software);
  EXPECT_EQ(seen, 0xcc);
  EXPECT_TRUE(armed);
  EXPECT_EQ(byte(0x200), 0x90);
  EXPECT_TRUE(debugger->stopped());
  EXPECT_GE(halts, 2u);
}

TEST_F(DebuggerTest, GoesOnFromABreakpointByAStepWithoutIt) {
  make(2);
  ASSERT_TRUE(debugger->insert(0, Point::software, 0x100, 1).value_or(false));
  ASSERT_TRUE(debugger->insert(0, Point::software, 0x300, 1).value_or(false));
  fakes[1]->registers.set("rip", 0x8000);
  bool stepped = false, gap = false, again = false;
  int others = fakes[1]->entered;
  guest(0, 0x101, hv::DebugCause::step, [&] {
    stepped = fakes[0]->debug.single_step;
    gap = byte(0x100) == 0x90 && byte(0x300) == 0xcc && fakes[1]->entered == others;
  });
  guest(0, 0x300, hv::DebugCause::software,
        [&] { again = byte(0x100) == 0xcc && !fakes[0]->debug.single_step; });
  EXPECT_EQ(run({Action::go_on, Action::go_on}).reason, Reason::breakpoint);
  EXPECT_TRUE(stepped);
  EXPECT_TRUE(gap);
  EXPECT_TRUE(again);
}

TEST_F(DebuggerTest, AStepIsOne) {
  make(2);
  guest(1, 0x102, hv::DebugCause::step);
  Stop at = run({Action::stay, Action::step});
  EXPECT_EQ(at.reason, Reason::step);
  EXPECT_EQ(at.cpu, 1u);
  EXPECT_EQ(fakes[0]->entered, 0);
  EXPECT_TRUE(fakes[1]->debug.single_step);
}

TEST_F(DebuggerTest, TheGuestsOwnBreakpointIsItsAffair) {
  make(1);
  ASSERT_TRUE(debugger->insert(0, Point::software, 0x200, 1).value_or(false));
  guest(0, 0x400, hv::DebugCause::software);
  guest(0, 0x200, hv::DebugCause::software);
  EXPECT_EQ(run({Action::go_on}).reason, Reason::breakpoint);
  EXPECT_EQ(fakes[0]->delivered_breakpoints, 1);
}

TEST_F(DebuggerTest, AnInterruptStopsAll) {
  make(2);
  stop.reset();
  ASSERT_TRUE(debugger->resume(std::vector{Action::go_on, Action::go_on}));
  EXPECT_FALSE(debugger->stopped());
  debugger->interrupt();
  while (!stop) loop.run_one();
  EXPECT_EQ(stop->reason, Reason::interrupted);
  EXPECT_TRUE(debugger->stopped());
}

TEST_F(DebuggerTest, HardwareStandsInForSoftware) {
  hv::DebugLimits limits = able();
  limits.software_breakpoints = false;
  limits.breakpoints = limits.watchpoints = 4;
  make(1, limits);
  for (u64 address : {0x200, 0x300, 0x400})
    ASSERT_TRUE(debugger->insert(0, Point::software, address, 1).value_or(false));
  ASSERT_TRUE(debugger->insert(0, Point::write, 0x1000, 4).value_or(false));
  EXPECT_FALSE(debugger->insert(0, Point::software, 0x500, 1));
  EXPECT_NE(notes.find("this host has 4 hardware breakpoints"), std::string::npos) << notes;
  ASSERT_TRUE(debugger->remove(Point::software, 0x400, 1).value_or(false));
  ASSERT_TRUE(debugger->insert(0, Point::hardware, 0x500, 1).value_or(false));
  usize registers = 0;
  guest(0, 0x300, hv::DebugCause::hardware, [&] { registers = fakes[0]->debug.hardware.size(); });
  Stop at = run({Action::go_on});
  EXPECT_EQ(registers, 4u);
  EXPECT_EQ(at.reason, Reason::breakpoint);
  EXPECT_EQ(at.point, Point::software);  // as the client has asked for it
  EXPECT_EQ(byte(0x300), 0x90);
}

TEST_F(DebuggerTest, WatchpointsSayWhatWasTouched) {
  make(1);
  ASSERT_TRUE(debugger->insert(0, Point::hardware, 0x200, 1).value_or(false));
  ASSERT_TRUE(debugger->insert(0, Point::access, 0x1000, 8).value_or(false));
  guest(0, 0x108, hv::DebugCause::watch, {}, {0, hv::DebugCause::watch, 0, 1});
  Stop at = run({Action::go_on});
  EXPECT_EQ(at.reason, Reason::watchpoint);
  EXPECT_EQ(at.point, Point::access);
  EXPECT_EQ(at.address, 0x1000u);
  guest(0, 0x10c, hv::DebugCause::watch, {}, {0, hv::DebugCause::watch, 0x1004, {}});
  EXPECT_EQ(run({Action::go_on}).address, 0x1004u);
}

// Two CPUs at breakpoints at the same time: the second is told when the client goes on.
TEST_F(DebuggerTest, NoBreakpointIsMissed) {
  make(2);
  ASSERT_TRUE(debugger->insert(0, Point::software, 0x200, 1).value_or(false));
  ASSERT_TRUE(debugger->insert(0, Point::software, 0x300, 1).value_or(false));
  debugger->on_debug(*fakes[1], {0x300, hv::DebugCause::software, 0, {}});
  fakes[1]->registers.set("rip", 0x300);
  guest(0, 0x200, hv::DebugCause::software);
  stop.reset();
  ASSERT_TRUE(debugger->resume(std::vector{Action::go_on, Action::stay}));
  hv::await(fakes[0]->entered, 1);
  while (!stop) loop.run_one();
  Stop first = *stop;
  guest(1, 0x300, hv::DebugCause::software);  // at its breakpoint again, without a step over it
  guest(0, 0x201, hv::DebugCause::step);
  Stop second = run({Action::go_on, Action::go_on});
  EXPECT_EQ(first.reason, Reason::breakpoint);
  EXPECT_EQ(second.reason, Reason::breakpoint);
  EXPECT_NE(first.cpu, second.cpu);
}

TEST_F(DebuggerTest, DetachingLeavesNothing) {
  make(1);
  ASSERT_TRUE(debugger->insert(0, Point::software, 0x200, 1).value_or(false));
  std::atomic<bool> runs{false};
  fakes[0]->then_step([&](u64) -> hv::Exit {
    runs = byte(0x200) == 0xcc;
    runs.notify_all();
    return hv::Hypercall{};
  });
  ASSERT_TRUE(debugger->resume(std::vector{Action::go_on}));
  runs.wait(false);
  hv::await(fakes[0]->entered, 2);  // in the guest again
  int before = fakes[0]->entered;
  debugger->detach();
  EXPECT_EQ(byte(0x200), 0x90);
  EXPECT_FALSE(debugger->attached());
  EXPECT_EQ(fakes[0]->debug, hv::DebugControl{});
  hv::await(fakes[0]->entered, before + 1);  // the guest goes on
}

TEST_F(DebuggerTest, OnlyWhoLetsItRunReleasesAHeldStart) {
  make(1);
  debugger->hold_start(true);
  EXPECT_FALSE(debugger->abandon());
  EXPECT_FALSE(debugger->attached());
  EXPECT_EQ(fakes[0]->entered, 0);
  debugger->attach({});
  debugger->detach();
  hv::await(fakes[0]->entered, 1);
  debugger->attach({});
  EXPECT_TRUE(debugger->abandon());
}

TEST_F(DebuggerTest, MonitorResetEndsTheBoot) {
  make(1);
  EXPECT_NE(debugger->monitor(0, "help").find("reset "), std::string::npos);
  debugger->monitor(0, "reset");
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->kind, Outcome::Kind::reset);
  debugger->abandon();
  EXPECT_EQ(fakes[0]->entered, 0);  // nothing of it runs any more
}

TEST_F(DebuggerTest, ACrashIsSeenBeforeTheEnd) {
  make(1);
  fakes[0]->then(hv::TripleFault{});
  Stop at = run({Action::go_on});
  EXPECT_EQ(at.reason, Reason::crashed);
  EXPECT_NE(notes.find("triple fault"), std::string::npos);
  EXPECT_FALSE(ended);
  ASSERT_TRUE(debugger->resume(std::vector{Action::go_on}));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->kind, Outcome::Kind::crash);
}

TEST_F(DebuggerTest, TheUsersPauseHoldsToo) {
  make(1);
  group->pause();
  ASSERT_TRUE(debugger->resume(std::vector{Action::go_on}));
  int before = fakes[0]->entered;
  timespec wait{.tv_sec = 0, .tv_nsec = 30'000'000};
  ::nanosleep(&wait, nullptr);
  EXPECT_EQ(fakes[0]->entered, before);
  group->resume();
  hv::await(fakes[0]->entered, before + 1);
}

TEST_F(DebuggerTest, MemoryAndMonitor) {
  make(1);
  const u8 text[] = {'a', 'b'};
  ASSERT_TRUE(debugger->write_memory(0, false, 0xffe, text));
  u8 back[4]{};
  EXPECT_EQ(debugger->read_memory(0, true, 0xffe, back).value_or(0), 4u);
  EXPECT_EQ(back[1], 'b');
  EXPECT_EQ(debugger->read_memory(0, false, 0xfffe, back).value_or(0), 2u);  // the end of RAM
  EXPECT_FALSE(debugger->read_memory(0, false, 0x10'0000, back));
  EXPECT_TRUE(debugger->insert(0, Point::write, 0x1000, 4));
  EXPECT_NE(debugger->monitor(0, "translate 0x1234").find("no translation is on"),
            std::string::npos);
  EXPECT_NE(debugger->monitor(0, "limits").find("watchpoints: 2"), std::string::npos);
  EXPECT_EQ(debugger->monitor(0, "exits"), "exits 1\n");
  EXPECT_NE(debugger->monitor(0, "registers").find("cr3                0x0\n"), std::string::npos);
  EXPECT_NE(debugger->monitor(0, "").find("monitor commands"), std::string::npos);
  EXPECT_EQ(debugger->describe(0), "CPU 0: unknown");
}

}  // namespace
}  // namespace pv::vmm
