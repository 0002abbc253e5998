// The fictional boards of this folder: the monitor offers them, and their machines and trees have
// their addresses. boards_test.cpp of src/machine/, which looks at all boards, is in this program,
// too.
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/cli.h"
#include "cli/help.h"
#include "cli/run.h"
#include "machine/places.h"
#include "machine/tree_golden.h"

namespace pv::machine {
namespace {

constexpr Arch archs[] = {Arch::aarch64, Arch::riscv64};

TEST(Fictional, IsOfferedWhereBoardsAreNamed) {
  const auto* option = std::ranges::find(cli::run_options, cli::Id::board, &cli::Option::id);
  for (Arch arch : archs) {
    for (const char* board : {"fictional", "virt"})
      EXPECT_NE(std::ranges::find(boards(arch), board), boards(arch).end()) << board;
    EXPECT_EQ(cli::argument_of(*option, arch), board_list(arch, "|"));
    const auto refused = create(arch, {.ram = 64_MiB, .board = "fictitious"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().hint, "choose one with --board: " + board_list(arch, ", "));
  }
}

// Of the architecture that this program runs on; there are fictional ones for two.
TEST(Fictional, IsInHelpManualAndCompletion) {
  const std::string names = board_list(host_arch, "|"), words = board_list(host_arch, " ");
  EXPECT_EQ(names.find("fictional") != std::string::npos,
            host_arch == Arch::aarch64 || host_arch == Arch::riscv64);
  const auto run = std::ranges::find(cli::commands(), "run", &cli::Command::name);
  EXPECT_NE(cli::help_text(*run).find("--board " + names), std::string::npos);
  EXPECT_NE(cli::man_page().find("\\-\\-board " + names), std::string::npos);
  EXPECT_NE(cli::bash_completion().find("--board) COMPREPLY=($(compgen -W \"" + words + "\""),
            std::string::npos);
}

struct Keeping final : cli::Launcher {
  Result<cli::RunOutcome> launch(const config::VmConfig& config) override {
    board = config.board;
    return cli::RunOutcome{0};
  }
  std::string board;
};

TEST(Fictional, IsTakenByTheCommandLine) {
  Keeping launcher;
  std::string words[] = {"run", "Image", "--board", "fictional"};
  std::vector<char*> line;
  for (std::string& word : words) line.push_back(word.data());
  EXPECT_EQ(cli::dispatch(line, {{}, launcher}), 0);
  EXPECT_EQ(launcher.board, "fictional");
}

TEST(Fictional, IsWhereItsTableSays) {
  struct Expected {
    Arch arch;
    u64 ram, uart, second_uart;
  };
  for (const Expected& board : {Expected{Arch::aarch64, 0xc000'0000, 0x1c09'0000, 0x1c0a'0000},
                                {Arch::riscv64, 0xa000'0000, 0x2001'0000, 0x2002'0000}}) {
    TestMachine t(board.arch, {.ram = 64_MiB, .board = "fictional"});
    ASSERT_TRUE(t.build(1)) << t.error;
    EXPECT_EQ(t.machine->ram()[0].base.value(), board.ram);
    EXPECT_TRUE(t.mmio.write(board.uart, bus::Width::byte, '!'));
    EXPECT_TRUE(t.mmio.write(board.second_uart, bus::Width::byte, '?'));
    EXPECT_EQ(t.serial_out.text(), "!");
    EXPECT_EQ(Places(board.arch, "fictional").name(false, board.second_uart), "uart 2");
  }
}

TEST(Fictional, HasItsTrees) {
  for (Arch arch : archs) expect_board_trees(arch, "fictional", "../../tests/boards");
}

TEST(Fictional, WithoutPciSaysSo) {
  TestMachine t(Arch::riscv64, {.ram = 64_MiB, .virtio = VirtioBus::pci, .board = "fictional"});
  EXPECT_FALSE(t.build(1));
  EXPECT_EQ(t.error, "the board \"fictional\" has no PCI bus");
}

}  // namespace
}  // namespace pv::machine
