#include "cli/cli.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/help.h"
#include "cli/run.h"
#include "config/json.h"

namespace pv::cli {
namespace {

struct FakeLauncher final : Launcher {
  Result<RunOutcome> launch(const config::VmConfig& config) override {
    launched.push_back(config);
    if (failure) return std::unexpected(*failure);
    return RunOutcome{status};
  }
  std::vector<config::VmConfig> launched;
  std::optional<Error> failure;
  int status = 0;
};

class Cli : public ::testing::Test {
 protected:
  int call(std::initializer_list<const char*> line) {
    out_.reset(::memfd_create("out", MFD_CLOEXEC));
    err_.reset(::memfd_create("err", MFD_CLOEXEC));
    std::vector<std::string> words(line.begin(), line.end());
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    return dispatch({pointers.data(), pointers.size()}, {{out_.get(), err_.get()}, launcher_});
  }
  static std::string content(const Fd& fd) {
    std::string text(*file_size(fd.get()), '\0');
    EXPECT_TRUE(read_at(fd.get(), {reinterpret_cast<u8*>(text.data()), text.size()}, 0));
    return text;
  }
  std::string out() const { return content(out_); }
  std::string err() const { return content(err_); }

  Fd out_, err_;
  FakeLauncher launcher_;
};

TEST_F(Cli, RunLaunchesTheValidConfigurationAndReturnsItsStatus) {
  launcher_.status = 42;
  EXPECT_EQ(call({"run", "Image", "-c2"}), 42);
  ASSERT_EQ(launcher_.launched.size(), 1u);
  EXPECT_EQ(launcher_.launched[0].kernel, "Image");
  EXPECT_EQ(launcher_.launched[0].cpus, 2u);
  EXPECT_EQ(err(), "");
}

TEST_F(Cli, WhatIsWrongIsNotLaunched) {
  EXPECT_EQ(call({"run"}), 104);
  EXPECT_EQ(err(),
            "polyvisor: error: kernel: no kernel is given.\n"
            "  hint: name one: polyvisor run KERNEL, or -k FILE\n");
  EXPECT_EQ(call({"run", "Image", "-m", "1B"}), 104);
  EXPECT_EQ(call({"run", "Image", "-m", "1024P"}), 104);
  EXPECT_EQ(call({"run", "Image", "-c", "0"}), 104);
  EXPECT_EQ(call({"run", "Image", "-c", "10000"}), 104);
  EXPECT_NE(err().find("10000 are more than the 512"), std::string::npos);
  EXPECT_EQ(call({"run", "Image", "--9p", "x"}), 104);
  EXPECT_EQ(launcher_.launched.size(), 0u);
}

TEST_F(Cli, KindOfErrorDecidesTheStatus) {
  for (auto [kind, status] :
       {std::pair(Error::Kind::usage, 104), std::pair(Error::Kind::image, 105),
        std::pair(Error::Kind::host, 103)}) {
    launcher_.failure = Error{kind, "it failed", "do this"};
    EXPECT_EQ(call({"run", "Image"}), status);
    EXPECT_EQ(err(), "polyvisor: error: it failed.\n  hint: do this\n");
  }
}

TEST_F(Cli, PrintConfigIsReadableAgain) {
  EXPECT_EQ(call({"run", "Image", "-m", "1G", "--print-config"}), 0);
  EXPECT_EQ(launcher_.launched.size(), 0u);
  const auto config = config::from_json(out());
  ASSERT_TRUE(config);
  EXPECT_EQ(config->kernel, "Image");
  EXPECT_EQ(config->memory, 1_GiB);
  EXPECT_EQ(call({"run", "Image", "-c", "0", "--print-config"}), 104);  // as run refuses it
  EXPECT_EQ(call({"run", "--print-config"}), 104);
}

TEST_F(Cli, WordsOfTheOthersInOptionsOfOurs) {
  const std::pair<const char*, const char*> words[] = {
      {"gicv2m", "gicv2"}, {"gicv3-its", "gicv3"}, {"user", "user"}};
  for (const auto& [theirs, ours] : words) {
    EXPECT_EQ(call({"run", "Image", "--irqchip", theirs, "--print-config"}), 0);
    EXPECT_NE(out().find(text("\"irqchip\": \"{}\"", ours)), std::string::npos) << out();
  }
  for (const char* theirs : {"kernel", "split", "userspace"}) {
    EXPECT_EQ(call({"run", "Image", "--irqchip", theirs}), 104);
    EXPECT_NE(err().find("crosvm's word"), std::string::npos) << err();
  }
  EXPECT_EQ(call({"run", "Image", "--console", "hv"}), 104);
  EXPECT_NE(err().find("--console virtio"), std::string::npos) << err();
  EXPECT_EQ(call({"run", "Image", "--board", ""}), 104);
}

TEST_F(Cli, OptionsOfTheOthersOfOtherCommands) {
  EXPECT_EQ(call({"list", "-i"}), 104);
  EXPECT_NE(err().find("-i is an option of kvmtool"), std::string::npos) << err();
  EXPECT_EQ(call({"stat", "-m"}), 104);
  EXPECT_NE(err().find("prints all counters"), std::string::npos) << err();
  EXPECT_EQ(call({"resize"}), 104);
  EXPECT_NE(err().find("a command of crosvm"), std::string::npos) << err();
}

TEST_F(Cli, HelpComesFromTheTables) {
  EXPECT_EQ(call({"run", "--help"}), 0);
  for (const Option& option : run_options)
    EXPECT_NE(out().find(usage_of(option)), std::string::npos) << option.name;
  EXPECT_EQ(call({"--help"}), 0);
  for (const Command& command : commands())
    EXPECT_NE(out().find(command.summary), std::string::npos) << command.name;
  const std::string global = out();
  EXPECT_EQ(call({"help"}), 0);
  EXPECT_EQ(out(), global);
  EXPECT_EQ(call({"help", "stop"}), 0);
  EXPECT_NE(out().find("polyvisor stop [NAME | -a]"), std::string::npos);
  EXPECT_EQ(call({}), 104);
  EXPECT_EQ(err(), global);
}

TEST_F(Cli, InspectTellsAFileAndWhetherItStarts) {
  Fd file(::memfd_create("kernel", 0));
  std::vector<u8> image(8192, 0x91);
  std::fill(image.begin(), image.begin() + 64, u8{0});
  image[18] = 0x10;  // image_size: 1 MiB
  image[56] = 'A', image[57] = 'R', image[58] = 'M', image[59] = 0x64;
  ASSERT_TRUE(write_fully(file.get(), image));
  const std::string path = text("/proc/self/fd/{}", file.get());
  EXPECT_EQ(call({"inspect", path.c_str()}), 0);
  EXPECT_NE(out().find(": an arm64 Linux Image\n"), std::string::npos);
  EXPECT_NE(out().find("on polyvisor's aarch64 machine with 256 MiB"), std::string::npos);
  EXPECT_NE(out().find("x0 = 0x4fe00000 (device tree)"), std::string::npos);
  EXPECT_EQ(call({"inspect", "--arch", "riscv64", path.c_str()}), 105);
  EXPECT_NE(out().find("is an arm64 Linux Image, but this machine is riscv64"), std::string::npos);
  EXPECT_EQ(call({"inspect", "--json", path.c_str(), path.c_str()}), 0);
  EXPECT_EQ(out().substr(0, 9), "[{\"file\":");
  EXPECT_NE(out().find("\"starts\":true"), std::string::npos);
  EXPECT_NE(out().find("\"least_memory\":2097152"), std::string::npos) << out();
}

TEST_F(Cli, InspectNeedsFiles) {
  EXPECT_EQ(call({"inspect"}), 104);
  EXPECT_EQ(call({"inspect", "--arch", "mips", "x"}), 104);
  EXPECT_EQ(call({"inspect", "/nonexistent/image"}), 105);
  EXPECT_EQ(call({"inspect", "/dev/null"}), 105);
}

TEST_F(Cli, HelpFitsATerminal) {
  for (const Command& command : commands()) {
    const std::string help = help_text(command);
    for (usize at = 0; at < help.size();) {
      const usize end = help.find('\n', at);
      EXPECT_LE(end - at, 80u) << help.substr(at, end - at);
      at = end + 1;
    }
  }
}

TEST_F(Cli, Version) {
  EXPECT_EQ(call({"--version"}), 0);
  EXPECT_EQ(out().substr(0, 10 + sizeof PV_VERSION), "polyvisor " PV_VERSION " ");
  const std::string long_form = out();
  EXPECT_EQ(call({"version"}), 0);
  EXPECT_EQ(out(), long_form);
}

TEST_F(Cli, UnknownCommands) {
  EXPECT_EQ(call({"rnu"}), 104);
  EXPECT_EQ(err(), "polyvisor: error: unknown command \"rnu\".\n  hint: did you mean run?\n");
  EXPECT_EQ(call({"suspend"}), 104);
  EXPECT_NE(err().find("polyvisor pause NAME"), std::string::npos);
  EXPECT_EQ(call({"./Image"}), 104);
  EXPECT_NE(err().find("polyvisor run ./Image"), std::string::npos);
  EXPECT_EQ(call({"--verson"}), 104);
  EXPECT_NE(err().find("did you mean --version?"), std::string::npos);
  EXPECT_EQ(call({"version", "x"}), 104);
  EXPECT_EQ(call({"--completion", "fish"}), 104);
}

TEST_F(Cli, ManualPageNamesEverything) {
  EXPECT_EQ(call({"--man"}), 0);
  const std::string page = out();
  EXPECT_EQ(page.substr(0, 4), ".TH ");
  for (const Option& option : run_options) {
    std::string name = "\\-\\-";
    for (const char c : option.name) name += c == '-' ? std::string("\\-") : std::string(1, c);
    EXPECT_NE(page.find(name), std::string::npos) << name;
  }
  for (const auto& entry : exit_status_texts)
    EXPECT_NE(page.find(text("\\fB{}\\fR", to_int(entry.status))), std::string::npos);
}

TEST_F(Cli, UsersGuideNamesEveryOptionAndStatus) {
  for (const char* file : {"run.md", "exit-status.md"}) {
    Fd fd = *open_file(text("{}/docs/manual/{}", PV_SOURCE_DIR, file), 0);
    const std::string page = content(fd);
    if (file[0] == 'r')
      for (const Option& option : run_options)
        EXPECT_NE(page.find(text("--{}", option.name)), std::string::npos) << option.name;
    else
      for (const auto& entry : exit_status_texts)
        EXPECT_NE(page.find(text("| {} |", to_int(entry.status))), std::string::npos);
  }
}

TEST_F(Cli, InstanceCommandsNeedAChoice) {
  EXPECT_EQ(call({"stop"}), 104);
  EXPECT_NE(err().find("stop needs to know which VM"), std::string::npos);
  EXPECT_EQ(call({"stop", "-a", "-n", "x"}), 104);
  EXPECT_EQ(call({"stop", "-a", "x"}), 104);
  EXPECT_EQ(call({"pause", "x", "y"}), 104);
  EXPECT_NE(err().find("two VMs are named"), std::string::npos);
  EXPECT_EQ(call({"pause", "no-such-vm-runs"}), 107);
  EXPECT_NE(err().find("VM of another user"), std::string::npos);
  EXPECT_EQ(call({"stat", "-n", "../x"}), 104);
  EXPECT_EQ(call({"resume", "--help"}), 0);
}

}  // namespace
}  // namespace pv::cli
