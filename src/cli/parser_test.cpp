#include "cli/parser.h"

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/run.h"
#include "cli/suggest.h"

namespace pv::cli {
namespace {

// Strings as argv holds them.
struct Line {
  std::vector<std::string> words;
  std::vector<char*> pointers;
  Line(std::initializer_list<const char*> list) : words(list.begin(), list.end()) {
    for (auto& word : words) pointers.push_back(word.data());
  }
  operator Arguments() const { return {pointers.data(), pointers.size()}; }
};

// The items of a line as text: "cpus=2 +Image" and, last, "!message" for an error.
std::string items(const Line& line, std::span<const Option> options = run_options) {
  Parser parser("run", options, line, foreign_options("run"));
  std::string out;
  Item item;
  for (;;) {
    const auto more = parser.next(item);
    if (!out.empty() && (!more || *more)) out += ' ';
    if (!more) return out + '!' + more.error().message;
    if (!*more) return out;
    if (item.option == nullptr)
      out += '+' + std::string(item.value);
    else
      out += std::string(item.option->name) +
             (item.option->argument.empty() ? "" : '=' + std::string(item.value));
  }
}

std::string hint(const Line& line) {
  Parser parser("run", run_options, line, foreign_options("run"));
  Item item;
  for (;;) {
    const auto more = parser.next(item);
    if (!more) return more.error().hint;
    if (!*more) return "";
  }
}

TEST(Parser, EachForm) {
  EXPECT_EQ(items({}), "");
  EXPECT_EQ(items({"--cpus=2"}), "cpus=2");
  EXPECT_EQ(items({"--cpus", "2"}), "cpus=2");
  EXPECT_EQ(items({"-c2"}), "cpus=2");
  EXPECT_EQ(items({"-c", "2"}), "cpus=2");
  EXPECT_EQ(items({"-c=2"}), "cpus=2");
  EXPECT_EQ(items({"--rng", "Image", "-m", "1G"}), "rng +Image mem=1G");
  EXPECT_EQ(items({"--params="}), "params=");
  EXPECT_EQ(items({"--params=a=b"}), "params=a=b");
  EXPECT_EQ(items({"-p", "--weird"}), "params=--weird");
  EXPECT_EQ(items({"-p", ""}), "params=");
  EXPECT_EQ(items({"--", "--rng", "-c"}), "+--rng +-c");
  EXPECT_EQ(items({"-"}), "+-");
  EXPECT_EQ(items({"-an", "x"}, instance_options), "all name=x");
  EXPECT_EQ(items({"-anx"}, instance_options), "all name=x");
}

TEST(Parser, Mistakes) {
  EXPECT_EQ(items({"--cpus"}), "!--cpus needs a value");
  EXPECT_EQ(items({"-c"}), "!--cpus needs a value");
  EXPECT_EQ(items({"--rng=yes"}), "!--rng takes no value");
  EXPECT_EQ(items({"-Z"}), "!unknown option -Z");
  EXPECT_EQ(items({"--colour=red"}), "!unknown option --colour");
  EXPECT_EQ(items({"-kernel", "Image"}), "!\"-kernel\" begins with one dash only");
  EXPECT_EQ(hint({"-kernel", "Image"}), "write --kernel");
  EXPECT_EQ(hint({"--kernal=x"}), "did you mean --kernel?");
  EXPECT_EQ(hint({"--memory", "1G"}), "did you mean --mem?");
  EXPECT_EQ(hint({"--init"}), "did you mean --initrd?");
  EXPECT_EQ(hint({"--colour"}), "polyvisor run --help lists the options");
  EXPECT_EQ(hint({"--cpus"}), "write --cpus N");
}

TEST(Parser, OptionsOfOtherToolsAreRefusedByName) {
  EXPECT_EQ(items({"--network", "mode=user"}),
            "!--network is an option of kvmtool that polyvisor does not have");
  EXPECT_EQ(items({"-n", "mode=user"}), "!-n is an option of kvmtool that polyvisor does not have");
  EXPECT_EQ(items({"--protected-vm"}),
            "!--protected-vm is an option of crosvm that polyvisor does not have");
  EXPECT_EQ(items({"--disable-sbi-time"}),
            "!--disable-sbi-time is an option of kvmtool that polyvisor does not have");
  EXPECT_EQ(hint({"--block=a"}), "write --disk FILE[,ro][,direct]");
  EXPECT_EQ(hint({"--disable-sandbx"}), "did you mean --disable-sandbox?");
  for (const Foreign& foreign : foreign_options("run")) {
    EXPECT_FALSE(foreign.instead.empty());
    EXPECT_FALSE(foreign.instead.ends_with('.')) << foreign.name;
    for (const Option& option : run_options) EXPECT_NE(option.name, foreign.name);
  }
}

TEST(Suggest, Distance) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("kernel", "kernel"), 0u);
  EXPECT_EQ(edit_distance("kernal", "kernel"), 1u);
  EXPECT_EQ(edit_distance("kenrel", "kernel"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance(std::string(40, 'a'), "a"), 32u);
}

std::string usage_error(const Line& line) {
  const auto request = parse_run(line);
  return request ? "" : request.error().message;
}

TEST(Run, FillsTheConfiguration) {
  const auto request = parse_run(Line{"Image",
                                      "-i",
                                      "initrd",
                                      "-p",
                                      "a=1",
                                      "--params=b=2",
                                      "-c",
                                      "4",
                                      "-m512M",
                                      "-d",
                                      "x.img,ro",
                                      "--disk=y.img,direct,ro",
                                      "--rng",
                                      "--name",
                                      "n",
                                      "--dtb",
                                      "t",
                                      "--dump-dtb",
                                      "u",
                                      "--console",
                                      "virtio",
                                      "--irqchip=gicv3",
                                      "--transport",
                                      "mmio",
                                      "--nisv=stop",
                                      "--reset-policy=zero",
                                      "--watchdog=5,action=stop",
                                      "--log-level",
                                      "debug",
                                      "--disable-sandbox",
                                      "--exit-stats",
                                      "--reboot"});
  ASSERT_TRUE(request) << request.error().message;
  config::VmConfig expected;
  expected.kernel = "Image";
  expected.initrd = "initrd";
  expected.params = "a=1 b=2";
  expected.cpus = 4;
  expected.memory = 512_MiB;
  expected.disks = {{"x.img", true, false}, {"y.img", true, true}};
  expected.rng = true;
  expected.name = "n";
  expected.dtb = "t";
  expected.dump_dtb = "u";
  expected.console = config::Console::virtio;
  expected.irqchip = config::IrqChip::gicv3;
  expected.nisv = config::Nisv::stop;
  expected.reset_policy = config::ResetPolicy::zero;
  expected.watchdog = 5;
  expected.watchdog_action = config::WatchdogAction::stop;
  expected.log_level = LogLevel::debug;
  expected.sandbox = false;
  expected.exit_stats = true;
  expected.reboot = true;
  EXPECT_EQ(request->config, expected);
  EXPECT_EQ(request->action, RunRequest::Action::start);
}

TEST(Run, ValuesAreCheckedByOption) {
  EXPECT_EQ(usage_error({"-m", "much"}), "--mem: \"much\" is not a size");
  EXPECT_EQ(usage_error({"-c", "two"}), "--cpus: \"two\" is not a number");
  EXPECT_EQ(usage_error({"--watchdog", "soon"}), "--watchdog: \"soon\" is not a number");
  EXPECT_EQ(usage_error({"--watchdog", "5,action=kill"}), "--watchdog: \"kill\" is not known");
  EXPECT_EQ(usage_error({"--watchdog", "0"}), "--watchdog: 0 seconds are not possible");
  EXPECT_EQ(usage_error({"--reset-policy", "one"}), "--reset-policy: \"one\" is not known");
  EXPECT_EQ(usage_error({"--console", "vga"}), "--console: \"vga\" is not known");
  EXPECT_EQ(usage_error({"-d", ",ro"}), "--disk: \",ro\" names no file");
  EXPECT_EQ(usage_error({"-d", "a,rw"}), "--disk: \"rw\" is not a setting of a disk");
  EXPECT_EQ(usage_error({"-d", "a,pci-address="}),
            "--disk: \"pci-address=\" is not a setting of a disk");
  EXPECT_EQ(parse_run(Line{"-d", "a,pci-address=00:05.0,ro"})->config.disks,
            (std::vector<config::Disk>{{"a", true, false, "00:05.0"}}));
  EXPECT_EQ(usage_error({"a", "b"}), "a second kernel is named: \"b\" after \"a\"");
  EXPECT_EQ(usage_error({"-k", "a", "b"}), "a second kernel is named: \"b\" after \"a\"");
  EXPECT_EQ(parse_run(Line{"-c", "99999999999"})->config.cpus, UINT32_MAX);
}

TEST(Run, TransportsInOurWordsAndKvmtools) {
  using config::Transport;
  const auto transport = [](const char* option, const char* word) {
    return parse_run(Line{option, word})->config.transport;
  };
  EXPECT_EQ(transport("--transport", "pci"), Transport::pci);
  EXPECT_EQ(transport("--transport", "pci-transitional"), Transport::pci_transitional);
  EXPECT_EQ(transport("--virtio-transport", "pci"), Transport::pci);
  EXPECT_EQ(transport("--virtio-transport", "pci-legacy"), Transport::pci_transitional);
  EXPECT_EQ(transport("--virtio-transport", "mmio"), Transport::mmio);
  EXPECT_EQ(
      usage_error({"--virtio-transport", "mmio-legacy"}),
      "--virtio-transport: mmio-legacy, the interface of before virtio 1.0, is served over PCI "
      "only");
  EXPECT_EQ(usage_error({"--transport", "isa"}), "--transport: \"isa\" is not known");
}

TEST(Run, HelpEndsTheLine) {
  EXPECT_EQ(parse_run(Line{"-h"})->action, RunRequest::Action::help);
  EXPECT_EQ(parse_run(Line{"--help", "--nonsense"})->action, RunRequest::Action::help);
}

TEST(Run, ConfigurationFileFirstThenOptions) {
  char path[] = "/tmp/polyvisor-test-XXXXXX";
  Fd file(::mkstemp(path));
  const std::string json =
      R"({"kernel": "old", "cpus": 3, "params": "a", "disks": [{"path": "one"}]})";
  ASSERT_TRUE(write_fully(file.get(), bytes_of(json)));
  const auto request = parse_run(Line{"new", "-p", "b", "-d", "two", "--config", path, "-m", "1G"});
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->config.kernel, "new");
  EXPECT_EQ(request->config.cpus, 3u);
  EXPECT_EQ(request->config.params, "a b");
  EXPECT_EQ(request->config.memory, 1_GiB);
  EXPECT_EQ(request->config.disks.size(), 2u);
  EXPECT_EQ(usage_error({"--config", path, "--config", path}), "--config stands twice");
  ASSERT_TRUE(write_fully(file.get(), Bytes(reinterpret_cast<const u8*>("x"), 1)));
  EXPECT_EQ(usage_error({"--config", path}).substr(0, sizeof path + 1), std::string(path) + ": ");
  ::unlink(path);
  EXPECT_NE(usage_error({"--config", path}).find("ENOENT"), std::string::npos);
}

}  // namespace
}  // namespace pv::cli
