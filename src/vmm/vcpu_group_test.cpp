#include "vmm/vcpu_group.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

#include "hv/fake.h"

namespace pv::vmm {
namespace {

struct Fixture : ::testing::Test {
  std::vector<hv::FakeVcpu*> fakes;
  std::atomic<int> handled{0}, failures{0};
  std::string failure;
  std::unique_ptr<VcpuGroup> group;

  // Each vCPU plays its exits; then it fails with `error`, or its guest spins until kicked. Pausing
  // finds `unfinished`.
  void make(std::vector<std::vector<hv::Exit>> exits, bool prepared = true,
            const char* error = nullptr, std::vector<hv::Exit> unfinished = {}, bool go = true) {
    std::vector<std::unique_ptr<hv::Vcpu>> vcpus;
    for (auto& list : exits) {
      auto vcpu = std::make_unique<hv::FakeVcpu>(static_cast<unsigned>(vcpus.size()), list);
      for (const auto& exit : unfinished) vcpu->then_unfinished(exit);
      if (error != nullptr) vcpu->then_fail({Error::Kind::host, error, {}});
      fakes.push_back(vcpu.get());
      vcpus.push_back(std::move(vcpu));
    }
    group = std::make_unique<VcpuGroup>(
        std::move(vcpus),
        [this](hv::Vcpu&, const hv::Exit& exit) {
          ++handled;
          handled.notify_all();
          return !std::holds_alternative<hv::TripleFault>(exit);
        },
        [prepared]() -> Result<void> {
          if (!prepared) return fail(Error::Kind::host, "no seccomp");
          return {};
        },
        [this](Error e) {
          failure = e.message;
          ++failures;
          failures.notify_all();
        });
    ASSERT_TRUE(group->start());
    if (go) group->resume();
  }
};

TEST_F(Fixture, NothingRunsBeforeResume) {
  make({{hv::TripleFault{}}, {hv::TripleFault{}}}, true, nullptr, {}, false);
  timespec wait{.tv_sec = 0, .tv_nsec = 50'000'000};
  ::nanosleep(&wait, nullptr);
  EXPECT_EQ(handled, 0);
  for (auto* f : fakes) EXPECT_EQ(f->entered, 0);
  group->resume();
  for (int seen; (seen = handled) < 2;) handled.wait(seen);
  group->stop();
}

TEST_F(Fixture, PauseParksEveryVcpuAndResumeLetsThemGo) {
  make({{}, {}, {}});
  group->pause();
  EXPECT_TRUE(group->paused());
  std::vector<int> entered;
  for (auto* f : fakes) {
    EXPECT_EQ(f->finished, 1);
    entered.push_back(f->entered);
  }
  group->resume();
  EXPECT_FALSE(group->paused());
  for (usize i = 0; i < fakes.size(); ++i) hv::await(fakes[i]->entered, entered[i] + 1);
  group->stop();
}

TEST_F(Fixture, WorkRunsOnTheVcpusThreadRunningPausedOrEnded) {
  make({{}, {hv::TripleFault{}}});
  std::thread::id first, paused, ended;
  group->on_vcpu(0, [&](hv::Vcpu& v) {
    EXPECT_EQ(v.index(), 0u);
    first = std::this_thread::get_id();
  });
  EXPECT_NE(first, std::this_thread::get_id());
  group->on_vcpu(1, [&](hv::Vcpu&) { ended = std::this_thread::get_id(); });
  EXPECT_NE(ended, std::thread::id());
  group->pause();
  group->on_vcpu(0, [&](hv::Vcpu&) { paused = std::this_thread::get_id(); });
  EXPECT_EQ(first, paused);
  group->stop();
}

TEST_F(Fixture, HandlerEndsOneVcpuAndExitsAreCounted) {
  make({{hv::Halted{}, hv::Halted{}, hv::TripleFault{}}});
  hv::await(handled, 3);
  group->stop();
  EXPECT_EQ(handled, 3);
  EXPECT_EQ(group->stats(0)[hv::Exit(hv::Halted{}).index()], 2u);
  EXPECT_EQ(group->stats(0)[hv::Exit(hv::TripleFault{}).index()], 1u);
}

TEST_F(Fixture, AFailedPreparationIsReportedAndNothingRuns) {
  make({{}}, false);
  group->on_vcpu(0, [](hv::Vcpu&) {});
  group->stop();
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(fakes[0]->entered, 0);
}

TEST_F(Fixture, AFailedRunIsReportedOnce) {
  make({{hv::Halted{}}}, true, "the host gave up");
  hv::await(failures, 1);
  group->pause();  // the ended vCPU counts as parked
  group->resume();
  group->stop();
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(failure, "the host gave up");
}

// What on_vcpu() lends to the vCPU's thread lies on its caller's stack.
TEST_F(Fixture, WorkUnderWayIsWaitedForWhenTheGroupStops) {
  make({{}});
  std::binary_semaphore started(0), go_on(0);
  std::atomic<bool> worked{false}, worked_at_return{false};
  std::binary_semaphore returned(0);
  std::thread caller([&] {
    group->on_vcpu(0, [&](hv::Vcpu&) {
      started.release();
      go_on.acquire();
      worked = true;
    });
    worked_at_return = worked.load();
    returned.release();
  });
  started.acquire();
  const int kicks = fakes[0]->kicks;
  std::thread stopper([&] { group->stop(); });
  hv::await(fakes[0]->kicks, kicks + 1);
  const bool early = returned.try_acquire_for(std::chrono::milliseconds(50));
  go_on.release();
  caller.join();
  stopper.join();
  EXPECT_FALSE(early);
  EXPECT_TRUE(worked_at_return);
}

// A string or split access that was under way is carried through before the vCPU parks.
TEST_F(Fixture, PauseHandlesWhatAnInstructionStillNeeds) {
  make({{}}, true, nullptr, {hv::MmioWrite{}, hv::Interrupted{}, hv::MmioWrite{}});
  group->pause();
  EXPECT_EQ(handled, 2);
  EXPECT_EQ(fakes[0]->finished, 4);
  group->resume();
  group->pause();
  EXPECT_EQ(handled, 2);
  group->stop();
}

TEST_F(Fixture, AnEndFoundWhilePausingIsAnEnd) {
  make({{}}, true, nullptr, {hv::TripleFault{}});
  group->pause();
  const int entered = fakes[0]->entered;
  group->resume();
  group->on_vcpu(0, [](hv::Vcpu&) {});
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(fakes[0]->entered, entered);
  group->stop();
}

// The thread's handle is invalid once it has been joined: a kick would be a use after free.
TEST_F(Fixture, AJoinedVcpuIsNotKickedAgain) {
  make({{}, {}});
  group->stop();
  const int kicks = fakes[0]->kicks + fakes[1]->kicks;
  group->stop();
  EXPECT_EQ(fakes[0]->kicks + fakes[1]->kicks, kicks);
}

TEST_F(Fixture, NoWorkIsDoneAfterTheStop) {
  make({{}});
  group->stop();
  bool ran = false;
  group->on_vcpu(0, [&](hv::Vcpu&) { ran = true; });
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace pv::vmm
