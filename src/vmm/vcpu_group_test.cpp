#include "vmm/vcpu_group.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <semaphore>

#include "hv/fake.h"

namespace pv::vmm {
namespace {

struct Fixture : ::testing::Test {
  std::vector<hv::FakeVcpu*> fakes;
  std::atomic<int> handled{0}, failures{0};
  std::unique_ptr<VcpuGroup> group;

  void make(std::vector<std::vector<hv::Exit>> exits, bool prepared = true) {
    std::vector<std::unique_ptr<hv::Vcpu>> vcpus;
    for (auto& list : exits) {
      auto vcpu = std::make_unique<hv::FakeVcpu>(static_cast<unsigned>(vcpus.size()), list);
      fakes.push_back(vcpu.get());
      vcpus.push_back(std::move(vcpu));
    }
    group = std::make_unique<VcpuGroup>(
        std::move(vcpus),
        [this](hv::Vcpu&, const hv::Exit& exit) {
          ++handled;
          return !std::holds_alternative<hv::TripleFault>(exit);
        },
        [prepared]() -> Result<void> {
          if (!prepared) return fail(Error::Kind::host, "no seccomp");
          return {};
        },
        [this](Error) { ++failures; });
    group->start();
  }
};

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
  for (usize i = 0; i < fakes.size(); ++i)
    for (int wait = 0; fakes[i]->entered == entered[i] && wait < 5000; ++wait)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (usize i = 0; i < fakes.size(); ++i) EXPECT_GT(fakes[i]->entered, entered[i]);
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
  group->on_vcpu(0, [](hv::Vcpu&) {});  // after the exits
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

}  // namespace
}  // namespace pv::vmm
