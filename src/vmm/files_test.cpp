// Files: each failure names the option and the file. VirtioSet: the order of the slots.
#include "vmm/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "block/test_file.h"
#include "device/fakes.h"
#include "vmm/virtio_set.h"

namespace pv::vmm {
namespace {

struct OpenFiles : ::testing::Test {
  block::TestFile there{4096};
  config::VmConfig config;
  void SetUp() override { config.kernel = there.path(); }
  Error error() {
    auto files = open_files(config);
    EXPECT_FALSE(files);
    return files ? Error{} : files.error();
  }
};

TEST_F(OpenFiles, OpensWhatIsNamedAndNothingElse) {
  config.disks = {{there.path(), true, false}};
  auto files = open_files(config);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_TRUE(files->kernel.valid());
  EXPECT_FALSE(files->initrd.valid());
  EXPECT_FALSE(files->device_tree.valid());
  EXPECT_FALSE(files->device_tree_dump.valid());
  ASSERT_EQ(files->disks.size(), 1u);
  EXPECT_TRUE(files->disks[0].read_only());
  EXPECT_EQ(files->disks[0].size(), 4096u);
  EXPECT_NE(::fcntl(files->kernel.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(OpenFiles, MissingOnesAreNamedByTheirRole) {
  struct Case {
    std::string config::VmConfig::* path;
    std::string begins;
  };
  for (const Case& c :
       {Case{&config::VmConfig::kernel, "kernel: "}, Case{&config::VmConfig::initrd, "initrd: "},
        Case{&config::VmConfig::dtb, "device tree: "}}) {
    config = {};
    config.kernel = there.path();
    config.*c.path = "/nonexistent/file";
    Error e = error();
    EXPECT_EQ(e.kind, Error::Kind::image);
    EXPECT_EQ(e.message.substr(0, c.begins.size()), c.begins) << e.message;
    EXPECT_NE(e.message.find("/nonexistent/file"), std::string::npos) << e.message;
  }
}

TEST_F(OpenFiles, AFolderIsNoKernel) {
  config.kernel = "/";
  Error e = error();
  EXPECT_EQ(e.kind, Error::Kind::image);
  EXPECT_EQ(e.message, "kernel: / is a directory, not a file");
}

TEST_F(OpenFiles, DisksAreNamedByNumber) {
  config.disks = {{there.path(), true, false}, {"/nonexistent/disk", false, false}};
  Error e = error();
  EXPECT_EQ(e.message.substr(0, 7), "disk 1:") << e.message;
  EXPECT_NE(e.message.find("/nonexistent/disk"), std::string::npos) << e.message;
}

TEST_F(OpenFiles, WhatIsReadIsNotWrittenOver) {
  block::TestFile disk{4096}, out{0};
  config.disks = {{disk.path(), true, false}};
  config.timeline = out.path();
  EXPECT_TRUE(open_files(config));
  for (const std::string& path : {there.path(), disk.path(), out.path()}) {
    config.trace.file = path;
    Error e = error();
    EXPECT_EQ(e.kind, Error::Kind::usage);
    EXPECT_NE(e.message.find(path), std::string::npos) << e.message;
  }
  EXPECT_EQ(*file_size(open_file(there.path(), O_RDONLY)->get()), 4096u);
}

TEST_F(OpenFiles, ADumpThatCannotBeWrittenIsNamedByItsOption) {
  config.dump_dtb = "/nonexistent/tree.dtb";
  EXPECT_EQ(error().message.substr(0, 10), "--dump-dtb");
  block::TestFile dump(100);
  config.dump_dtb = dump.path();
  auto files = open_files(config);
  ASSERT_TRUE(files);
  EXPECT_TRUE(files->device_tree_dump.valid());
  // Not emptied before there is something to write.
  EXPECT_EQ(dump.content(0, 100).size(), 100u);
}

// ---- VirtioSet ----------------------------------------------------------------------------------

std::vector<std::string> order(const config::VmConfig& config) {
  auto loop = loop::EventLoop::create();
  CHECK(loop.has_value());
  auto files = open_files(config);
  CHECK(files.has_value());
  device::RecordingSink out;
  device::CountingSource in;
  device::FakeEntropy entropy;
  Log log(-1, LogLevel::error);
  std::vector<virtio::Console::Port> ports;
  if (config.console == config::Console::virtio) ports.push_back({&out, &in});
  VirtioSet set(config, *files, **loop, ports, entropy, log);
  EXPECT_EQ(set.console() != nullptr, config.console == config::Console::virtio);
  std::vector<std::string> names;
  for (const auto* device : set.devices()) names.emplace_back(device->name());
  return names;
}

using Names = std::vector<std::string>;

TEST_F(OpenFiles, VirtioSlotsAreConsoleDisksEntropy) {
  EXPECT_EQ(order(config), Names());
  config.rng = true;
  EXPECT_EQ(order(config), Names({"virtio-rng"}));
  block::TestFile second(512);
  config.disks = {{there.path(), false, false}, {second.path(), true, false}};
  EXPECT_EQ(order(config), Names({"virtio-blk", "virtio-blk", "virtio-rng"}));
  config.console = config::Console::virtio;
  EXPECT_EQ(order(config), Names({"virtio-console", "virtio-blk", "virtio-blk", "virtio-rng"}));
}

// Disks keep the order of the configuration: the guest's vda is the first.
TEST_F(OpenFiles, DisksKeepTheirOrder) {
  block::TestFile large(8192);
  config.disks = {{large.path(), true, false}, {there.path(), true, false}};
  auto loop = loop::EventLoop::create();
  ASSERT_TRUE(loop);
  auto files = open_files(config);
  ASSERT_TRUE(files);
  device::FakeEntropy entropy;
  Log log(-1, LogLevel::error);
  VirtioSet set(config, *files, **loop, {}, entropy, log);
  ASSERT_EQ(set.devices().size(), 2u);
  std::vector<u64> sectors;
  for (const auto* device : set.devices()) {
    Le64 capacity;
    device->read_config(0, {reinterpret_cast<u8*>(&capacity), sizeof capacity});
    sectors.push_back(capacity);
  }
  EXPECT_EQ(sectors, (std::vector<u64>{16, 8}));
}

}  // namespace
}  // namespace pv::vmm
