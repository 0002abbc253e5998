#include "pci/config_space.h"

#include <gtest/gtest.h>

namespace pv::pci {
namespace {

using bus::Width;

constexpr Identity identity{.vendor = 0x1af4,
                            .device = 0x1042,
                            .subsystem_vendor = 0x1af4,
                            .subsystem = 0x0042,
                            .class_code = 0x018000,
                            .revision = 1,
                            .interrupt = true};

TEST(ConfigSpace, SaysWhatTheFunctionIs) {
  const ConfigSpace config(identity);
  EXPECT_EQ(config.read(0x00, Width::word), 0x1042'1af4u);
  EXPECT_EQ(config.read(0x02, Width::half), 0x1042u);
  EXPECT_EQ(config.read(0x08, Width::word), 0x0180'0001u);
  EXPECT_EQ(config.read(0x0b, Width::byte), 0x01u);
  EXPECT_EQ(config.read(0x0e, Width::byte), 0u);  // type 0, one function
  EXPECT_EQ(config.read(0x2c, Width::word), 0x0042'1af4u);
  EXPECT_EQ(config.read(0x3d, Width::byte), 1u);  // INTA#
  EXPECT_EQ(config.read(0x34, Width::byte), 0u);  // no capabilities
}

TEST(ConfigSpace, ReadOnlyStaysReadOnly) {
  ConfigSpace config(identity);
  for (u32 offset = 0; offset < spec::config_size; offset += 4)
    config.write(offset, Width::word, ~0u);
  EXPECT_EQ(config.read(0x00, Width::word), 0x1042'1af4u);
  EXPECT_EQ(config.read(0x08, Width::word), 0x0180'0001u);
  EXPECT_EQ(config.read(0x04, Width::word), 0x0000'0547u);  // the writable bits of Command
  EXPECT_EQ(config.read(0x3c, Width::word), 0x0000'01ffu);
  for (unsigned bar = 0; bar < spec::bar_count; ++bar)
    EXPECT_EQ(config.read(0x10 + 4 * bar, Width::word), 0u);
  EXPECT_EQ(config.read(0x30, Width::word), 0u);  // no expansion ROM
}

TEST(ConfigSpace, BarsSayTheirSizeAndKind) {
  ConfigSpace config(identity);
  config.add_bar(0, BarKind::io, 64);
  config.add_bar(1, BarKind::memory32, 0x1000);
  config.add_bar(4, BarKind::memory64, u64{1} << 33);
  for (u32 offset = 0x10; offset < 0x28; offset += 4) config.write(offset, Width::word, ~0u);
  EXPECT_EQ(config.read(0x10, Width::word), 0xffff'ffc1u);
  EXPECT_EQ(config.read(0x14, Width::word), 0xffff'f000u);
  EXPECT_EQ(config.read(0x18, Width::word), 0u);
  EXPECT_EQ(config.read(0x20, Width::word), 0x0000'0004u);
  EXPECT_EQ(config.read(0x24, Width::word), 0xffff'fffeu);
}

TEST(ConfigSpace, BarsDecodeWhenTheCommandSaysSo) {
  ConfigSpace config(identity);
  config.add_bar(0, BarKind::io, 64);
  config.add_bar(1, BarKind::memory32, 0x1000);
  config.add_bar(2, BarKind::memory64, 0x4000);
  config.write(0x10, Width::word, 0x1040);
  config.write(0x14, Width::half, 0x3000);  // in parts
  config.write(0x16, Width::half, 0x4000);
  config.write(0x18, Width::word, 0x8000'0000);
  config.write(0x1c, Width::word, 0x12);
  EXPECT_FALSE(config.bar_base(0) || config.bar_base(1) || config.bar_base(2));
  config.write(0x04, Width::half, spec::command_io);
  EXPECT_EQ(config.bar_base(0), 0x1040u);
  EXPECT_FALSE(config.bar_base(1));
  config.write(0x04, Width::byte, spec::command_memory);
  EXPECT_FALSE(config.bar_base(0));
  EXPECT_EQ(config.bar_base(1), 0x4000'3000u);
  EXPECT_EQ(config.bar_base(2), 0x12'8000'0000u);
  EXPECT_FALSE(config.bar_base(3));  // the upper half
  EXPECT_FALSE(config.bar_base(5));
}

TEST(ConfigSpace, CapabilitiesAreAList) {
  ConfigSpace config(identity);
  const u8 body[] = {0xaa, 0xbb, 0xcc};
  const u8 writable[] = {0x00, 0x0f, 0xff};
  EXPECT_EQ(config.add_capability(9, body, writable), 0x40);
  EXPECT_EQ(config.add_capability(17, Bytes(body).first(1)), 0x48);  // aligned
  EXPECT_EQ(config.add_capability(9, body), 0x4c);
  EXPECT_EQ(config.read(0x06, Width::half), spec::status_capabilities);
  EXPECT_EQ(config.read(0x34, Width::byte), 0x40u);
  EXPECT_EQ(config.read(0x40, Width::word), 0xbbaa'4809u);
  EXPECT_EQ(config.read(0x48, Width::word), 0x00aa'4c11u);
  EXPECT_EQ(config.read(0x4d, Width::byte), 0u);  // the last
  config.write(0x40, Width::word, 0);
  config.write(0x44, Width::word, ~0u);
  EXPECT_EQ(config.read(0x40, Width::word), 0xb0aa'4809u);
  EXPECT_EQ(config.read(0x44, Width::byte), 0xffu);
}

TEST(ConfigSpace, WhatIsNotThereReadsAllOnes) {
  ConfigSpace config(identity);
  EXPECT_EQ(config.read(0x100, Width::word), ~0u);  // no extended registers
  EXPECT_EQ(config.read(0x01, Width::word), ~0u);   // misaligned
  EXPECT_EQ(config.read(0x03, Width::half), ~0u);
  EXPECT_EQ(config.read(0x00, Width::dword), ~0u);
  EXPECT_EQ(config.read(~0u, Width::byte), ~0u);
  config.write(~0u, Width::word, 1);
  config.write(0x3e, Width::dword, 1);
  config.write(0x05, Width::half, 0xffff);
  EXPECT_EQ(config.command(), 0);
}

TEST(ConfigSpace, InterruptStatusIsTheFunctions) {
  ConfigSpace config(identity);
  config.set_interrupt_status(true);
  EXPECT_EQ(config.read(0x06, Width::half), spec::status_interrupt);
  config.write(0x06, Width::half, 0xffff);
  EXPECT_EQ(config.read(0x06, Width::half), spec::status_interrupt);
  config.set_interrupt_status(false);
  EXPECT_EQ(config.read(0x06, Width::half), 0u);
}

TEST(ConfigSpace, StateGoesRoundAndCannotChangeWhatAGuestCannot) {
  ConfigSpace config(identity);
  config.add_bar(1, BarKind::memory32, 0x1000);
  config.write(0x14, Width::word, 0x4000'0000);
  config.write(0x04, Width::half, spec::command_memory);
  StateWriter out;
  config.save(out);
  std::vector<u8> state = out.take();
  ConfigSpace other(identity);
  other.add_bar(1, BarKind::memory32, 0x1000);
  StateReader in(state);
  ASSERT_TRUE(other.restore(in));
  EXPECT_EQ(other.bar_base(1), 0x4000'0000u);

  state[5 + 0x0e] = 0x80;  // the header's type
  state[5 + 0x14] = 0xff;  // below the BAR's size
  StateReader hostile(state);
  ASSERT_TRUE(other.restore(hostile));
  EXPECT_EQ(other.read(0x0e, Width::byte), 0u);
  EXPECT_EQ(other.bar_base(1), 0x4000'0000u);

  state[5] ^= 1;  // another vendor
  StateReader foreign(state);
  EXPECT_FALSE(other.restore(foreign));
  StateReader cut(Bytes(state).first(100));
  EXPECT_FALSE(other.restore(cut));
}

}  // namespace
}  // namespace pv::pci
