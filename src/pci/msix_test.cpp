#include "pci/msix.h"

#include <gtest/gtest.h>

namespace pv::pci {
namespace {

using bus::Width;

constexpr u32 table = 0x2000, pending = 0x3000;

struct Fixture : testing::Test {
  ConfigSpace config{Identity{}};
  hv::FakeMsiTarget target;
  Msix msix{config, target, 70, 2, table, pending};

  void control(u16 value) {
    config.write(0x42, Width::half, value);
    msix.config_written();
  }
  void set(u16 vector, u64 address, u32 data, u32 mask = 0) {
    msix.write({table + 16u * vector, Width::word}, static_cast<u32>(address));
    msix.write({table + 16u * vector + 4, Width::word}, address >> 32);
    msix.write({table + 16u * vector + 8, Width::word}, data);
    msix.write({table + 16u * vector + 12, Width::word}, mask);
  }
  u64 get(u64 offset, Width width = Width::word) { return msix.read({offset, width}); }
};
using MsixTest = Fixture;

TEST_F(MsixTest, CapabilitySaysWhereTheTableIs) {
  EXPECT_EQ(config.read(0x40, Width::half), 0x0011u);
  EXPECT_EQ(config.read(0x42, Width::half), 69u);
  EXPECT_EQ(config.read(0x44, Width::word), table | 2);
  EXPECT_EQ(config.read(0x48, Width::word), pending | 2);
  config.write(0x42, Width::half, 0xffff);
  EXPECT_EQ(config.read(0x42, Width::half), 0xc000u | 69);  // enable and mask only
  config.write(0x44, Width::word, 0);
  EXPECT_EQ(config.read(0x44, Width::word), table | 2);
}

TEST_F(MsixTest, ClaimsTableAndPendingBits) {
  EXPECT_FALSE(msix.claims(table - 1));
  EXPECT_TRUE(msix.claims(table));
  EXPECT_TRUE(msix.claims(table + 70 * 16 - 1));
  EXPECT_FALSE(msix.claims(table + 70 * 16));
  EXPECT_TRUE(msix.claims(pending + 15));
  EXPECT_FALSE(msix.claims(pending + 16));
}

TEST_F(MsixTest, AnUnmaskedVectorSendsItsMessage) {
  msix.set_requester(0x18);
  set(1, 0xfee0'1003, 0x4041);
  msix.raise(1);
  EXPECT_TRUE(target.signals.empty());  // not enabled
  control(spec::msix_enable);
  msix.raise(1);
  ASSERT_EQ(target.signals.size(), 1u);
  EXPECT_EQ(target.signals[0], (hv::Msi{0xfee0'1000, 0x4041, 0x18}));
  msix.raise(70);
  msix.raise(0xffff);
  EXPECT_EQ(target.signals.size(), 1u);
}

TEST_F(MsixTest, MaskedVectorsWait) {
  control(spec::msix_enable);
  msix.raise(69);  // masked since power-on
  msix.raise(69);
  EXPECT_EQ(get(pending + 8), 1u << 5);
  EXPECT_EQ(get(pending, Width::dword), 0u);
  EXPECT_EQ(get(pending + 8, Width::dword), 1u << 5);
  msix.write({pending + 8, Width::word}, 0);
  EXPECT_EQ(get(pending + 8), 1u << 5);  // read-only
  set(69, 0x1'0000'0000, 5);
  ASSERT_EQ(target.signals.size(), 1u);
  EXPECT_EQ(target.signals[0], (hv::Msi{0x1'0000'0000, 5, 0}));
  EXPECT_EQ(get(pending + 8), 0u);
}

TEST_F(MsixTest, TheFunctionsMaskHoldsAllBack) {
  control(spec::msix_enable | spec::msix_function_mask);
  set(0, 0x1000, 1);
  set(2, 0x1000, 2);
  msix.raise(0);
  msix.raise(2);
  EXPECT_EQ(get(pending), 5u);
  EXPECT_TRUE(target.signals.empty());
  control(spec::msix_enable);
  EXPECT_EQ(target.signals.size(), 2u);
  control(spec::msix_enable | spec::msix_function_mask);
  msix.raise(0);
  msix.reset_pending();
  control(spec::msix_enable);
  EXPECT_EQ(target.signals.size(), 2u);
}

TEST_F(MsixTest, OddAccessesDoNothing) {
  set(0, 0x1000, 1);
  EXPECT_EQ(get(table, Width::byte), 0xffu);
  EXPECT_EQ(get(table, Width::half), 0xffffu);
  EXPECT_EQ(get(table + 4, Width::dword), ~u64{0});
  msix.write({table, Width::half}, 0xffff);
  msix.write({table + 2, Width::word}, 0xffff);
  EXPECT_EQ(get(table), 0x1000u);
  msix.write({table, Width::dword}, 0x1234'5678'9abc'def0);
  EXPECT_EQ(get(table, Width::dword), 0x1234'5678'9abc'def0u);
  EXPECT_EQ(get(table + 12), 0u);
  msix.write({table + 12, Width::word}, ~0u);
  EXPECT_EQ(get(table + 12), 1u);
}

TEST_F(MsixTest, StateGoesRound) {
  control(spec::msix_enable);
  set(3, 0xfee0'0000, 9, 1);
  msix.raise(3);
  StateWriter out;
  msix.save(out);
  ConfigSpace other_config{Identity{}};
  Msix other(other_config, target, 70, 2, table, pending);
  StateReader in(out.bytes());
  auto entries = other.parse(in);
  ASSERT_TRUE(entries);
  other.restore(std::move(*entries));
  EXPECT_EQ(other.read({table + 48, Width::word}), 0xfee0'0000u);
  EXPECT_EQ(other.read({table + 56, Width::word}), 9u);
  EXPECT_EQ(other.read({pending, Width::word}), 8u);
  StateReader cut(out.bytes().first(40));
  EXPECT_FALSE(other.parse(cut));
  Msix smaller(other_config, target, 2, 2, table, pending);
  StateReader again(out.bytes());
  EXPECT_FALSE(smaller.parse(again));
}

}  // namespace
}  // namespace pv::pci
