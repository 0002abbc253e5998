#include "config/json.h"

#include <gtest/gtest.h>

#include "base/fd.h"

namespace pv::config {
namespace {

VmConfig everything() {
  VmConfig config;
  config.name = "router";
  config.kernel = "Image";
  config.initrd = "a \"quoted\"\\name\n";
  config.params = "console=ttyS0";
  config.cpus = 4;
  config.memory = 1_GiB + 64_KiB;
  config.disks = {{"a.img", true, false}, {"b.img", false, true, "00:06.0"}};
  config.rng = true;
  config.dtb = "board.dtb";
  config.dump_dtb = "out.dtb";
  config.console = Console::virtio;
  config.serials = {{.type = SerialType::file,
                     .hardware = SerialHardware::virtio_console,
                     .num = 2,
                     .name = "log",
                     .path = "log.txt",
                     .input = "in",
                     .input_unix_stream = true,
                     .console = true,
                     .earlycon = true,
                     .standard_input = true,
                     .out_timestamp = true,
                     .debugcon_port = 0xe9,
                     .pci_address = "00:05.0",
                     .max_queue_sizes = {2, 32}},
                    {}};
  config.board = "crosvm";
  config.irqchip = IrqChip::gicv3;
  config.nisv = Nisv::stop;
  config.reset_policy = ResetPolicy::random;
  config.watchdog = 30;
  config.watchdog_action = WatchdogAction::stop;
  config.log_level = LogLevel::debug;
  config.sandbox = false;
  config.exit_stats = true;
  config.trace = {TraceKind::steps, "t", 12};
  config.timeline = "page.html";
  config.reboot = true;
  config.gdb = "unix:gdb.sock";
  config.gdb_wait = true;
  config.socket = "/proc/self/fd/9";
  return config;
}

std::string message(std::string_view json) {
  const auto config = from_json(json);
  return config ? "" : config.error().message;
}

TEST(Json, RoundTrip) {
  for (const VmConfig& config : {VmConfig{}, everything()}) {
    const std::string text = to_json(config);
    const auto back = from_json(text);
    ASSERT_TRUE(back) << text << back.error().message;
    EXPECT_EQ(*back, config) << text;
    EXPECT_EQ(to_json(*back), text);
  }
}

TEST(Json, EveryChoiceRoundTrips) {
  for (const auto& entry : irqchip_names) {
    VmConfig config;
    config.irqchip = entry.value;
    EXPECT_EQ(from_json(to_json(config))->irqchip, entry.value);
  }
}

TEST(Json, MissingFieldsKeepDefaults) {
  const auto config = from_json(R"({"kernel": "Image", "$schema": "x"})");
  VmConfig expected;
  expected.kernel = "Image";
  EXPECT_EQ(*config, expected);
}

TEST(Json, MemoryIsANumberOfMiBOrASize) {
  EXPECT_EQ(from_json(R"({"memory": 128})")->memory, 128_MiB);
  EXPECT_EQ(from_json(R"({"memory": "64K"})")->memory, 64_KiB);
  EXPECT_EQ(message(R"({"memory": true})"),
            "memory: expected a number of MiB, or a size such as \"512M\", found true or false");
  EXPECT_EQ(message(R"({"memory": "big"})"), "memory: \"big\" is not a size");
  EXPECT_EQ(message(R"({"memory": 18446744073709551615})").substr(0, 8), "memory: ");
}

TEST(Json, ErrorsNameTheField) {
  EXPECT_EQ(message(R"({"kernel": 1})"), "kernel: expected a text, found a number");
  EXPECT_EQ(message(R"({"cpus": -1})"), "cpus: expected a whole number, found a negative number");
  EXPECT_EQ(message(R"({"cpus": 1.5})"),
            "cpus: expected a whole number, found a number with a fraction, an exponent or "
            "more than 64 bits");
  EXPECT_EQ(message(R"({"cpus": 4294967296})"), "cpus: 4294967296 is too large");
  EXPECT_EQ(message(R"({"rng": "yes"})"), "rng: expected true or false, found a text");
  EXPECT_EQ(message(R"({"console": "vga"})"),
            "console: expected one of serial, virtio, found \"vga\"");
  EXPECT_EQ(message(R"({"disks": {}})"), "disks: expected a list of objects, found an object");
  EXPECT_EQ(message(R"({"disks": [{"path": "a"}, {"path": 7}]})"),
            "disks[1].path: expected a text, found a number");
  EXPECT_EQ(message(R"({"disks": [{}]})"), "disks[0].path: is missing");
  EXPECT_EQ(message(R"({"disks": ["a"]})"),
            "disks[0]: expected an object with a path, found a text");
  EXPECT_EQ(message(R"({"disks": [{"path": "a", "ro": true}]})"), "disks[0].ro: no such field");
  EXPECT_EQ(message(R"({"serials": [{}, {"colour": 1}]})"), "serials[1].colour: no such field");
  EXPECT_EQ(message(R"({"serials": [{"num": "x"}]})"),
            "serials[0].num: expected a whole number, found a text");
  EXPECT_EQ(message(R"({"serials": [{"max_queue_sizes": 16}]})"),
            "serials[0].max_queue_sizes: expected a list of numbers, found a number");
  EXPECT_EQ(message(R"({"serials": [{"max_queue_sizes": [16, "x"]}]})"),
            "serials[0].max_queue_sizes[1]: expected a whole number, found a text");
  EXPECT_EQ(message(R"({"disks": [{"path": "a", "pci_address": 5}]})"),
            "disks[0].pci_address: expected a text, found a number");
}

TEST(Json, UnknownAndDoubleFieldsAreRefused) {
  const auto unknown = from_json(R"({"kernal": "Image"})");
  EXPECT_EQ(unknown.error().message, "kernal: no such field");
  EXPECT_NE(unknown.error().hint.find("kernel"), std::string::npos);
  EXPECT_EQ(message(R"({"cpus": 1, "cpus": 2})"), "cpus: stands twice in the same object");
}

TEST(Json, WhatIsNoJsonIsLocated) {
  EXPECT_NE(message("{\n  \"cpus\": }").find("line 2, column"), std::string::npos);
  EXPECT_NE(message("").find("line 1"), std::string::npos);
  EXPECT_EQ(message("[]"), "expected an object, found a list");
  EXPECT_NE(message("{} {}"), "");
  EXPECT_NE(message("{\"kernel\": \"\xff\"}"), "");
  EXPECT_EQ(message(std::string(max_json + 1, ' ')), "the configuration is longer than 1 MiB");
  EXPECT_NE(message(std::string(100'000, '[')), "");
}

TEST(Json, BytesThatAreNoTextDoNotAbort) {
  VmConfig config;
  config.kernel = "\xff\xfe";
  EXPECT_TRUE(from_json(to_json(config)));
}

// The published schema names exactly the fields that are written.
TEST(Json, SchemaNamesEveryField) {
  Fd file = *open_file(PV_SOURCE_DIR "/docs/manual/vm-config.schema.json", 0);
  std::string schema(*file_size(file.get()), '\0');
  ASSERT_TRUE(read_at(file.get(), {reinterpret_cast<u8*>(schema.data()), schema.size()}, 0));
  const std::string text = to_json(everything());
  usize fields = 0;
  for (usize at = text.find("\n  \""); at != std::string::npos; at = text.find("\n  \"", at + 1)) {
    const std::string name = text.substr(at + 3, text.find('"', at + 4) - at - 2);
    EXPECT_NE(schema.find(name + ": {"), std::string::npos) << name;
    ++fields;
  }
  EXPECT_EQ(fields, 28u);
}

}  // namespace
}  // namespace pv::config
