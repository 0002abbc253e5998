// What can be said of the KVM layer without a guest; guests run in tests/system.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm/debug_probe.h"
#include "kvm/host.h"

namespace pv::kvm {
namespace {

TEST(Host, MissingDeviceIsExplained) {
  auto host = Host::open("/nonexistent/kvm");
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().kind, Error::Kind::host);
  EXPECT_EQ(host.error().message, "there is no /nonexistent/kvm on this host");
  EXPECT_EQ(host.error().check, "kvm-device");
}

TEST(Host, AnotherDeviceIsNotKvm) {
  auto host = Host::open("/dev/null");
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().message, "/dev/null is not KVM's device");
}

TEST(Host, NoPermissionNamesTheCheck) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may open everything";
  char path[] = "/tmp/pv-kvm-XXXXXX";
  Fd file(::mkstemp(path));
  ::fchmod(file.get(), 0);
  auto host = Host::open(path);
  ::unlink(path);
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().message, text("no permission to open {}", path));
  EXPECT_EQ(host.error().check, "kvm-device");
}

// Needs /dev/kvm; any kind will do.
struct RealKvm : ::testing::Test {
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) GTEST_SKIP() << "no usable /dev/kvm here";
  }
};

TEST_F(RealKvm, TooManyCpusAreRefusedWithTheLimit) {
  auto host = Host::open();
  ASSERT_TRUE(host) << host.error().message;
  auto vm = host->create_vm({.highest_address = 0x1'0000'0000, .cpus = 1'000'000});
  ASSERT_FALSE(vm);
  EXPECT_EQ(vm.error().kind, Error::Kind::usage);
  EXPECT_NE(vm.error().message.find("1000000"), std::string::npos);
}

TEST_F(RealKvm, RefusesOverlappingMemoryAndIrqsWithoutController) {
  auto host = Host::open();
  ASSERT_TRUE(host) << host.error().message;
  auto vm = host->create_vm({.highest_address = 0x1'0000'0000, .cpus = 1});
  ASSERT_TRUE(vm) << vm.error().message;
  memory::GuestMemory ram;
  auto region = ram.add({memory::GuestAddress(0x4000'0000), 2_MiB}, memory::Backing::anonymous);
  ASSERT_TRUE(region);
  EXPECT_TRUE((*vm)->map_ram(*region, false));
  EXPECT_FALSE((*vm)->map_ram(*region, false));
  EXPECT_FALSE((*vm)->irq_line(1));
}

// What comes out is the host's affair; that it ends, and that nothing is promised beyond what the
// host itself says, is ours.
TEST_F(RealKvm, DebuggingIsTriedOut) {
  auto host = Host::open();
  ASSERT_TRUE(host) << host.error().message;
  hv::DebugLimits found = probe_debugging(*host);
  EXPECT_LE(found.breakpoints, 16u);
  EXPECT_LE(found.watchpoints, 16u);
  EXPECT_TRUE(found.available || !(found.single_step || found.software_breakpoints));
  EXPECT_TRUE(!found.software_breakpoints || found.instruction_size != 0);
  std::printf("available %d, step %d, software %d, breakpoints %u, watchpoints %u\n",
              found.available, found.single_step, found.software_breakpoints, found.breakpoints,
              found.watchpoints);
}

}  // namespace
}  // namespace pv::kvm
