#include "config/avf.h"

#include <gtest/gtest.h>

#include "base/arch.h"
#include "config/json.h"

namespace pv::config {
namespace {

std::string refusal(std::string_view json) {
  const auto config = from_json(json);
  return config ? "taken" : config.error().message;
}

// The form of the examples in Android's documentation.
TEST(Avf, IsImported) {
  const auto config = from_json(R"({
    "name": "debian", "kernel": "/k/Image", "initrd": "/k/initrd.img", "params": "root=/dev/vda1",
    "bootloader": null, "devices": [],
    "disks": [{"image": "/d/root.img", "partitions": [], "writable": true},
              {"image": "/d/seed.iso", "writable": false}],
    "protected": false, "memory_mib": 4096, "cpu_topology": "one_cpu",
    "platform_version": "~1.0", "console_input_device": "hvc0", "debuggable": true,
    "console_out": true, "connect_console": true})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->name, "debian");
  EXPECT_EQ(config->kernel, "/k/Image");
  EXPECT_EQ(config->initrd, "/k/initrd.img");
  EXPECT_EQ(config->params, "root=/dev/vda1");
  EXPECT_EQ(config->memory, 4096 * 1_MiB);
  EXPECT_EQ(config->cpus, 1u);
  EXPECT_EQ(config->console, Console::virtio);
  ASSERT_EQ(config->disks.size(), 2u);
  EXPECT_FALSE(config->disks[0].read_only);
  EXPECT_TRUE(config->disks[1].read_only);
  EXPECT_EQ(config->board, host_arch == Arch::aarch64 ? "crosvm" : "");
}

TEST(Avf, MatchesTheHostsProcessors) {
  const auto config = from_json(R"({"kernel": "k", "cpu_topology": "match_host"})");
  ASSERT_TRUE(config);
  EXPECT_GE(config->cpus, 1u);
  EXPECT_LE(config->cpus, 512u);
}

TEST(Avf, ErrorsNameTheField) {
  const auto starts = [](std::string_view json, std::string_view with) {
    EXPECT_TRUE(refusal(json).starts_with(with)) << refusal(json);
  };
  starts(R"({"platform_version": "~1.0", "protected": true})", "protected: ");
  starts(R"({"platform_version": "~1.0", "bootloader": "u-boot.bin"})", "bootloader: ");
  starts(R"({"platform_version": "~1.0", "devices": ["/sys/x"]})", "devices: ");
  starts(R"({"platform_version": 1})", "platform_version: expected a text");
  starts(R"({"memory_mib": "512M"})", "memory_mib: expected a whole number");
  starts(R"({"memory_mib": 0})", "memory_mib: ");
  starts(R"({"cpu_topology": "two"})", "cpu_topology: expected one of");
  starts(R"({"memory_mib": 1, "console_input_device": "ttyAMA0"})", "console_input_device: ");
  starts(R"({"memory_mib": 1, "console_out": 1})", "console_out: expected true or false");
  starts(R"({"memory_mib": 1, "network": true})", "network: there is no network device yet");
  starts(R"({"memory_mib": 1, "gpu": {"backend": "x"}})", "gpu: there is no graphics device");
  starts(R"({"memory_mib": 1, "colour": 1})", "colour: no such field");
  starts(R"({"memory_mib": 1, "disks": {}})", "disks: ");
  starts(R"({"memory_mib": 1, "disks": [{"writable": true}]})", "disks[0].image: is missing");
  starts(R"({"memory_mib": 1, "disks": [{"image": "a"}, {"partitions": [{"label": "x"}]}]})",
         "disks[1].partitions: ");
  starts(R"({"memory_mib": 1, "disks": [{"image": "a", "size": 3}]})", "disks[0].size: no such");
  starts(R"({"memory_mib": 1, "hugepages": true})", "hugepages: guest RAM uses");
  EXPECT_EQ(refusal(R"({"memory_mib": 1, "display": {}})"), "taken");
  EXPECT_EQ(refusal(R"({"memory_mib": 1, "hugepages": false})"), "taken");
}

}  // namespace
}  // namespace pv::config
