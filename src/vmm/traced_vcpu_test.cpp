#include "vmm/traced_vcpu.h"

#include <gtest/gtest.h>

#include "hv/fake.h"
#include "trace/reader.h"

namespace pv::vmm {
namespace {

using hv::GuestAddress;
using hv::Width;
using trace::Cause;

struct StepClock final : device::Clock {
  u64 wall_ns() override { return 0; }
  u64 monotonic_ns() override { return time += 10; }
  u64 time = 1000;
};

class TracedVcpuTest : public ::testing::Test {
 protected:
  TracedVcpu& make(std::vector<hv::Exit> exits, const TracedVcpu::Options& options) {
    auto fake = std::make_unique<hv::FakeVcpu>(2, std::move(exits));
    fake_ = fake.get();
    fake_->registers.set(hv::program_counter(host_arch), 0x8000);
    fake_->limits.single_step = true;
    other_ = fake_->registers.index(hv::program_counter(host_arch)) == 0 ? 1 : 0;
    fake_->registers.set(other_, {7, 0});
    traced_ = std::make_unique<TracedVcpu>(std::move(fake), 4096, options, shared_);
    return *traced_;
  }
  std::vector<trace::Record> records() {
    traced_->commit();
    std::vector<u8> bytes;
    traced_->ring().take(bytes);
    std::vector<trace::Record> all;
    extras_.clear();
    for (usize at = 0; at < bytes.size();) {
      all.push_back(load_as<trace::Record>(bytes, at));
      at += sizeof(trace::Record);
      for (unsigned i = 0; i < all.back().extra; ++i, at += sizeof(trace::StepRegister))
        extras_.push_back(load_as<trace::StepRegister>(bytes, at));
    }
    return all;
  }

  StepClock clock_;
  int woken_ = 0;
  TracedVcpu::Shared shared_{clock_, 1000, machine::Places(host_arch), [this] { ++woken_; }, {}};
  hv::FakeVcpu* fake_ = nullptr;
  usize other_ = 0;  // a register that is not the program counter
  std::unique_ptr<TracedVcpu> traced_;
  std::vector<trace::StepRegister> extras_;
};

TEST_F(TracedVcpuTest, RecordsWhatHappenedAndWhatWasAnswered) {
  u8 port_data[2] = {0, 0};
  TracedVcpu& vcpu =
      make({hv::MmioRead{GuestAddress(0x9000018), Width::word},
            hv::MmioWrite{GuestAddress(0x9000000), Width::byte, 0x41},
            hv::Pio{0x3f8, Width::byte, false, {port_data, 1}}, hv::Hypercall{0x4442434e, 1, {}}},
           {.pc = true});
  EXPECT_FALSE(vcpu.first_entry_ns());
  ASSERT_TRUE(vcpu.run());
  EXPECT_TRUE(vcpu.first_entry_ns());
  vcpu.complete_read(0x77);
  EXPECT_EQ(fake_->reads, std::vector<u64>{0x77});
  ASSERT_TRUE(vcpu.run());
  auto exit = vcpu.run();
  ASSERT_TRUE(exit);
  std::get<hv::Pio>(*exit).data[0] = 0x5a;  // what the device answered
  ASSERT_TRUE(vcpu.run());
  vcpu.complete_call(0, 3);

  const auto all = records();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].cause, static_cast<u8>(Cause::mmio_read));
  EXPECT_EQ(u64{all[0].value}, 0x77u);
  EXPECT_EQ(all[0].flags, trace::has_pc | trace::has_value);
  EXPECT_EQ(u64{all[0].pc}, 0x8000u);
  EXPECT_EQ(u16{all[0].vcpu}, 2);
  EXPECT_EQ(all[1].width, 1);
  EXPECT_EQ(u64{all[1].value}, 0x41u);
  EXPECT_EQ(all[2].cause, static_cast<u8>(Cause::port_read));
  EXPECT_EQ(u64{all[2].value}, 0x5au);
  EXPECT_EQ(u64{all[3].address}, 0x4442434eu);
  EXPECT_LT(u64{all[0].time_ns}, u64{all[3].time_ns});
  EXPECT_EQ(woken_, 4);
}

TEST_F(TracedVcpuTest, WithoutAFileNoProgramCounter) {
  TracedVcpu& vcpu = make({hv::MmioWrite{GuestAddress(1), Width::byte, 0}}, {});
  ASSERT_TRUE(vcpu.run());
  const auto all = records();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].flags, trace::has_value);
}

TEST_F(TracedVcpuTest, StepsStayInsideAndTellWhatChanged) {
  TracedVcpu& vcpu = make({}, {.pc = true, .steps = true});
  fake_->then_step([this](u64) {
    fake_->registers.set(hv::program_counter(host_arch), 0x8004);
    return hv::Debug{0x8004, hv::DebugCause::step, 0};
  });
  fake_->then(hv::MmioWrite{GuestAddress(1), Width::byte, 0});
  ASSERT_TRUE(vcpu.prepare());
  EXPECT_TRUE(fake_->debug.single_step);
  auto exit = vcpu.run();
  ASSERT_TRUE(exit);
  EXPECT_TRUE(std::holds_alternative<hv::MmioWrite>(*exit));
  EXPECT_FALSE(vcpu.set_debug({})) << "a debugger would take the steps away";
  const auto all = records();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].cause, static_cast<u8>(Cause::step));
  EXPECT_EQ(u64{all[0].pc}, 0x8000u);
  EXPECT_EQ(u64{all[1].pc}, 0x8004u);
  EXPECT_EQ(all[0].extra, 1) << "all registers that are known, but not the program counter";
  EXPECT_EQ(u64{extras_.back().value}, 7u);
  EXPECT_EQ(all[1].extra, 0);
}

TEST_F(TracedVcpuTest, BehindTheLimitTheGuestRunsUnwatched) {
  TracedVcpu& vcpu = make({}, {.pc = true, .steps = true, .limit = 2});
  for (int i = 0; i < 3; ++i) fake_->then(hv::Debug{0, hv::DebugCause::step, 0});
  fake_->then(hv::MmioWrite{GuestAddress(1), Width::byte, 0});
  ASSERT_TRUE(vcpu.prepare());
  // The first record is the state at the start, the second is the limit.
  auto exit = vcpu.run();
  ASSERT_TRUE(exit);
  EXPECT_FALSE(fake_->debug.single_step);
  EXPECT_TRUE(vcpu.set_debug({}));
  EXPECT_EQ(records().size(), 2u);
}

TEST_F(TracedVcpuTest, WhatFollowsTheEndIsChance) {
  TracedVcpu& vcpu = make({hv::MmioWrite{GuestAddress(1), Width::byte, 0},
                           hv::MmioWrite{GuestAddress(2), Width::byte, 0}},
                          {});
  ASSERT_TRUE(vcpu.run());
  shared_.ended = true;
  ASSERT_TRUE(vcpu.run());
  EXPECT_EQ(records().size(), 1u);
}

TEST_F(TracedVcpuTest, AHostThatCannotStepIsNamed) {
  TracedVcpu& vcpu = make({}, {.pc = true, .steps = true});
  fake_->limits.single_step = false;
  auto refused = vcpu.prepare();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("--trace steps"), std::string::npos);
}

TEST_F(TracedVcpuTest, UnfinishedAccessesAreRecordedToo) {
  TracedVcpu& vcpu = make({hv::MmioWrite{GuestAddress(1), Width::byte, 0}}, {});
  fake_->then_unfinished(hv::MmioWrite{GuestAddress(2), Width::byte, 0});
  ASSERT_TRUE(vcpu.run());
  auto more = vcpu.finish_pending();
  ASSERT_TRUE(more && *more);
  auto none = vcpu.finish_pending();
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  EXPECT_EQ(records().size(), 2u);
}

}  // namespace
}  // namespace pv::vmm
