// What a link's name changes: the board; and crosvm's statuses and words before the command.
#include "cli/personality.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/run.h"

namespace pv::cli {
namespace {

TEST(Personality, IsTheProgramsName) {
  EXPECT_EQ(personality_of("polyvisor"), Personality::polyvisor);
  EXPECT_EQ(personality_of(""), Personality::polyvisor);
  EXPECT_EQ(personality_of("lkvm"), Personality::lkvm);
  EXPECT_EQ(personality_of("./apps/lkvm-static"), Personality::lkvm);
  EXPECT_EQ(personality_of("/apex/com.android.virt/bin/crosvm"), Personality::crosvm);
  EXPECT_EQ(personality_of("/opt/crosvm/polyvisor"), Personality::polyvisor);
  EXPECT_EQ(personality_of("lkvmish"), Personality::polyvisor);
}

TEST(Personality, ChoosesABoardWhereThereIsOne) {
  EXPECT_EQ(default_board(Personality::lkvm, Arch::riscv64), "kvmtool");
  EXPECT_EQ(default_board(Personality::lkvm, Arch::aarch64), "kvmtool");
  EXPECT_EQ(default_board(Personality::crosvm, Arch::aarch64), "crosvm");
  EXPECT_EQ(default_board(Personality::crosvm, Arch::riscv64), "");
  EXPECT_EQ(default_board(Personality::lkvm, Arch::x86_64), "");
  EXPECT_EQ(default_board(Personality::polyvisor, Arch::aarch64), "");
}

TEST(ExtendedStatus, IsCrosvms) {
  for (auto [ours, theirs] : {std::pair{0, 0},
                              {7, 7},
                              {100, 32},
                              {101, 33},
                              {102, 34},
                              {103, 1},
                              {104, 35},
                              {105, 1},
                              {106, 0},
                              {107, 1},
                              {108, 36}})
    EXPECT_EQ(extended_status(ours), theirs) << ours;
}

struct KeepingLauncher final : Launcher {
  Result<RunOutcome> launch(const config::VmConfig& config) override {
    launched.push_back(config);
    return RunOutcome{status};
  }
  std::vector<config::VmConfig> launched;
  int status = 0;
};

struct Line : ::testing::Test {
  int call(std::vector<std::string> words, Personality personality = Personality::crosvm) {
    err.reset(::memfd_create("err", MFD_CLOEXEC));
    Fd out(::memfd_create("out", MFD_CLOEXEC));
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    return dispatch({pointers.data(), pointers.size()},
                    {{out.get(), err.get()}, launcher, personality});
  }
  std::string errors() const {
    std::string text(*file_size(err.get()), '\0');
    EXPECT_TRUE(read_at(err.get(), {reinterpret_cast<u8*>(text.data()), text.size()}, 0));
    return text;
  }
  KeepingLauncher launcher;
  Fd err;
};

TEST_F(Line, GlobalOptionsStandBeforeTheCommand) {
  launcher.status = 100;
  EXPECT_EQ(call({"--extended-status", "--log-level", "info,disk=off", "run", "Image",
                  "--no-balloon", "--params", "a", "--params", "b"}),
            32);
  ASSERT_EQ(launcher.launched.size(), 1u);
  EXPECT_EQ(launcher.launched[0].log_level, LogLevel::info);
  EXPECT_EQ(launcher.launched[0].params, "a b");
  EXPECT_NE(errors().find("--log-level disk=off: messages are not divided"), std::string::npos);
  EXPECT_EQ(call({"--log-level", "info", "run", "Image", "--log-level", "error"}), 100);
  EXPECT_EQ(launcher.launched[1].log_level, LogLevel::error);
  EXPECT_EQ(call({"--extended-status", "--log-level", "loud", "run", "Image"}), 35);
  EXPECT_EQ(call({"--extended-status", "--log-level", "info,disk=loud", "run", "Image"}), 35);
  EXPECT_EQ(call({"--extended-status"}), 35);
  EXPECT_EQ(call({"--extended-status", "run", "Image", "--cid", "2051"}), 35);
  EXPECT_NE(errors().find("--cid is an option of crosvm"), std::string::npos);
  EXPECT_EQ(call({"run", "Image", "--extended-status"}), 104);
  EXPECT_NE(errors().find("write it before the command"), std::string::npos);
}

TEST_F(Line, TheBoardIsThePersonalitysUnlessOneIsNamed) {
  call({"run", "Image"});
  call({"run", "Image", "--board", "virt"});
  call({"run", "Image"}, Personality::polyvisor);
  ASSERT_EQ(launcher.launched.size(), 3u);
  EXPECT_EQ(launcher.launched[0].board, default_board(Personality::crosvm, host_arch));
  EXPECT_EQ(launcher.launched[1].board, "virt");
  EXPECT_EQ(launcher.launched[2].board, "");
}

TEST_F(Line, ASocketIsADescriptor) {
  EXPECT_EQ(call({"run", "Image", "--socket", "/proc/self/fd/9"}), 0);
  EXPECT_EQ(launcher.launched[0].socket, "/proc/self/fd/9");
  EXPECT_EQ(call({"run", "Image", "--socket", "/tmp/vm.sock"}), 104);
  EXPECT_NE(errors().find("\"/tmp/vm.sock\" is not a descriptor"), std::string::npos);
}

}  // namespace
}  // namespace pv::cli
