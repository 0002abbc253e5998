#include <gtest/gtest.h>

#include "config/gdb_address.h"
#include "config/size.h"
#include "config/validate.h"

namespace pv::config {
namespace {

TEST(Size, FormsOfKvmtool) {
  EXPECT_EQ(*parse_size("256"), 256_MiB);
  EXPECT_EQ(*parse_size("256M"), 256_MiB);
  EXPECT_EQ(*parse_size("1G"), 1_GiB);
  EXPECT_EQ(*parse_size("1g"), 1_GiB);
  EXPECT_EQ(*parse_size("512k"), 512_KiB);
  EXPECT_EQ(*parse_size("2T"), 2048_GiB);
  EXPECT_EQ(*parse_size("1P"), u64{1} << 50);
  EXPECT_EQ(*parse_size("1B"), 1u);
  EXPECT_EQ(*parse_size("0"), 0u);
  EXPECT_EQ(*parse_size("1024P"), u64{1} << 60);
}

TEST(Size, WhatIsNoSizeIsQuoted) {
  for (const char* text : {"", "M", "-1", "+1", "1.5G", "1GB", "1 G", " 1", "0x10", "1E", "1MM"}) {
    const auto parsed = parse_size(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, Error::Kind::usage);
    EXPECT_EQ(parsed.error().message, '"' + std::string(text) + "\" is not a size");
    EXPECT_NE(parsed.error().hint.find("256M"), std::string::npos);
  }
}

TEST(Size, OverflowIsSaid) {
  for (const char* text : {"18446744073709551616B", "99999999999999999999999", "16384P",
                           "17592186044416M", "18446744073709551615"}) {
    const auto parsed = parse_size(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("does not fit into 64 bits"), std::string::npos);
  }
  EXPECT_EQ(*parse_size("18446744073709551615B"), UINT64_MAX);
  EXPECT_EQ(*parse_size("16383P"), u64{16383} << 50);
}

TEST(Size, ArgumentReadsBack) {
  for (u64 bytes : {u64{0}, u64{1}, u64{1000}, 1_KiB, 256_MiB, 3_GiB, u64{1} << 60, UINT64_MAX})
    EXPECT_EQ(*parse_size(size_argument(bytes)), bytes) << size_argument(bytes);
  EXPECT_EQ(size_argument(256_MiB), "256M");
  EXPECT_EQ(size_argument(1_GiB), "1G");
}

TEST(Number, OnlyDigits) {
  EXPECT_EQ(*parse_number("007"), 7u);
  for (const char* text : {"", "a", "1a", "-1", "18446744073709551616"})
    EXPECT_FALSE(parse_number(text)) << text;
}

VmConfig good() {
  VmConfig config;
  config.kernel = "Image";
  return config;
}

// The message of the error, empty when the configuration is valid.
std::string refusal(const VmConfig& config) {
  const auto result = validate(config);
  return result ? "" : result.error().message;
}

TEST(Validate, DefaultNeedsOnlyAKernel) {
  EXPECT_EQ(refusal(good()), "");
  EXPECT_EQ(refusal({}), "kernel: no kernel is given");
}

TEST(Validate, MemoryLimits) {
  VmConfig config = good();
  config.memory = 1;
  EXPECT_EQ(refusal(config), "memory: 1 byte is less than the 1 MiB that any guest needs");
  config.memory = u64{1} << 60;
  EXPECT_EQ(refusal(config).substr(0, 27), "memory: 1 EiB are more than");
  config.memory = 16_MiB + 4096;
  EXPECT_NE(refusal(config).find("not a multiple of 64 KiB"), std::string::npos);
  for (u64 bytes : {min_memory, max_memory}) {
    config.memory = bytes;
    EXPECT_EQ(refusal(config), "");
  }
}

TEST(Validate, CpuLimits) {
  VmConfig config = good();
  config.cpus = 0;
  EXPECT_EQ(refusal(config), "cpus: 0 virtual CPUs can run nothing");
  config.cpus = 10'000;
  EXPECT_EQ(refusal(config), "cpus: 10000 are more than the 512 that this monitor supports");
  config.cpus = 9;
  EXPECT_EQ(refusal(config), "");
  config.irqchip = IrqChip::gicv2;
  EXPECT_EQ(refusal(config), "cpus: 9 are more than the 8 that a GICv2 can serve");
}

TEST(Validate, WhatOneArchitectureHasIsRefusedOnOthers) {
  for (const auto set : {+[](VmConfig& config) { config.nisv = Nisv::stop; },
                         +[](VmConfig& config) { config.reset_policy = ResetPolicy::random; }}) {
    VmConfig config = good();
    set(config);
    EXPECT_EQ(validate(config).has_value(), host_arch == Arch::aarch64);
  }
}

TEST(Validate, CommandLineTooLong) {
  VmConfig config = good();
  config.params.assign(max_params, 'x');
  EXPECT_EQ(refusal(config), "");
  config.params += 'x';
  EXPECT_EQ(refusal(config).substr(0, 54),
            "params: the guest's command line is 2048 bytes long, m");
}

TEST(Validate, TextsAndDisks) {
  VmConfig config = good();
  config.initrd = std::string("a\0b", 3);
  EXPECT_EQ(refusal(config), "initrd: contains a zero byte, which ends a text");
  config = good();
  config.disks = {{.path = "a"}, {}};
  EXPECT_EQ(refusal(config), "disks[1].path: is empty");
  config.disks.assign(33, Disk{.path = "a"});
  EXPECT_EQ(refusal(config), "disks: 33 are more than the 32 that this monitor supports");
}

TEST(Validate, Names) {
  for (const char* name : {"a", "guest-12", "A.b_c-d", "0"}) EXPECT_TRUE(validate_name(name));
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("-a"), std::string("a/b"),
        std::string("a b"), std::string(65, 'a'), std::string("\xc3\xa4"), std::string("a\0", 2)})
    EXPECT_FALSE(validate_name(name)) << name;
  VmConfig config = good();
  config.name = "../x";
  EXPECT_EQ(refusal(config), "name: \"../x\" cannot name a VM");
}

TEST(GdbAddress, IsUnderstood) {
  auto tcp = [](std::string host, u16 port) { return GdbAddress{{}, std::move(host), port}; };
  EXPECT_EQ(parse_gdb_address("tcp:1234"), tcp("127.0.0.1", 1234));
  EXPECT_EQ(parse_gdb_address("tcp:0"), tcp("127.0.0.1", 0));
  EXPECT_EQ(parse_gdb_address("tcp::1234"), tcp("127.0.0.1", 1234));
  EXPECT_EQ(parse_gdb_address("tcp:localhost:1"), tcp("127.0.0.1", 1));
  EXPECT_EQ(parse_gdb_address("tcp:0.0.0.0:65535"), tcp("0.0.0.0", 65535));
  EXPECT_EQ(parse_gdb_address("tcp:[::1]:9"), tcp("::1", 9));
  EXPECT_EQ(parse_gdb_address("unix:a/b:c")->path, "a/b:c");
}

TEST(GdbAddress, SaysWhatIsWrong) {
  auto why = [](std::string_view text) {
    auto parsed = parse_gdb_address(text);
    return parsed ? std::string("parsed") : parsed.error().message;
  };
  EXPECT_EQ(why("1234"), "gdb: \"1234\" is no address");
  EXPECT_EQ(why("tcp:"), "gdb: \"\" is no port between 0 and 65535");
  EXPECT_EQ(why("tcp:65536"), "gdb: \"65536\" is no port between 0 and 65535");
  EXPECT_EQ(why("tcp:example.org:1"), "gdb: \"example.org\" is no numeric address");
  EXPECT_EQ(why("unix:"), "gdb: the socket's path is empty");
  EXPECT_EQ(
      why("unix:" + std::string(108, 'x')),
      "gdb: the socket's path has 108 bytes, more than the 107 that a socket's address holds");
  VmConfig config;
  config.kernel = "k";
  config.gdb_wait = true;
  auto valid = validate(config);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().message, "gdb_wait: there is nothing to wait for without gdb");
  config.gdb = "tcp:x";
  EXPECT_FALSE(validate(config));
  config.gdb = "tcp:0";
  EXPECT_TRUE(validate(config));
}

}  // namespace
}  // namespace pv::config
