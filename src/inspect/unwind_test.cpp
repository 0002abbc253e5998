#include "inspect/unwind.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "inspect/fake_subject.h"

namespace pv::inspect {
namespace {

constexpr u64 base = 0x1000'0000;

class Stack {
 public:
  Stack(Arch arch, unsigned word) : guest(arch, base, 1 << 20), word_(word) {
    file = hv::RegisterFile(arch, hv::register_table(arch));
    std::string map;
    for (const auto& [address, name] : {std::pair{0x10001000, "inner"},
                                        {0x10002000, "middle"},
                                        {0x10003000, "outer"},
                                        {0x10004000, "next"}}) {
      char line[64];
      std::snprintf(line, sizeof(line), "%x T %s\n", address, name);
      map += line;
    }
    symbols = *Symbols::parse(bytes_of(map));
  }
  void put(u64 at, u64 value) {
    std::vector<u8> bytes(word_);
    const bool big = big_endian(guest.facts().arch);
    for (unsigned i = 0; i < word_; ++i)
      bytes[i] = static_cast<u8>(value >> 8 * (big ? word_ - 1 - i : i));
    guest.put(at, bytes);
  }
  CallChain chain() {
    Scene scene(guest, 0);
    scene.name_by(&symbols);
    scene.add(file);
    return unwind(scene);
  }
  FakeSubject guest;
  hv::RegisterFile file;
  Symbols symbols;

 private:
  unsigned word_;
};

const std::vector<std::string> expected = {
    "inner+0x10 (0x10001010)", "middle+0x20 (0x10002020), the return address register",
    "outer+0x30 (0x10003030)", "the end of outer+0xfff (0x10004000)"};

TEST(Unwind, Aarch64) {
  Stack stack(Arch::aarch64, 8);
  stack.file.set("pc", 0x10001010);
  stack.file.set("x30", 0x10002020);
  stack.file.set("x29", base + 0x8000);
  stack.put(base + 0x8000, base + 0x8040);
  stack.put(base + 0x8008, 0x10002020);
  stack.put(base + 0x8040, base + 0x8080);
  stack.put(base + 0x8048, 0x10003030);
  stack.put(base + 0x8080, 0);
  stack.put(base + 0x8088, 0x10004000);
  EXPECT_EQ(stack.chain().frames, expected);
  EXPECT_TRUE(stack.chain().on_stack.empty());
}

TEST(Unwind, Riscv64FramesEndAtThePointer) {
  Stack stack(Arch::riscv64, 8);
  stack.file.set("pc", 0x10001010);
  stack.file.set("ra", 0x10002020);
  stack.file.set("fp", base + 0x8010);
  stack.put(base + 0x8000, base + 0x8050);
  stack.put(base + 0x8008, 0x10002020);
  stack.put(base + 0x8040, base + 0x8090);
  stack.put(base + 0x8048, 0x10003030);
  stack.put(base + 0x8080, 0);
  stack.put(base + 0x8088, 0x10004000);
  EXPECT_EQ(stack.chain().frames, expected);
}

void expect_back_chain(unsigned word, u64 msr, u64 link_offset) {
  Stack stack(Arch::powerpc, word);
  stack.file.set("pc", 0x10001010);
  stack.file.set("lr", 0x10002020);
  stack.file.set("msr", msr);
  stack.file.set("r1", base + 0x8000);
  stack.put(base + 0x8000, base + 0x8040);
  stack.put(base + 0x8040 + link_offset, 0x10002020);
  stack.put(base + 0x8040, base + 0x8080);
  stack.put(base + 0x8080 + link_offset, 0x10003030);
  stack.put(base + 0x8080, base + 0x80c0);
  stack.put(base + 0x80c0 + link_offset, 0x10004000);
  stack.put(base + 0x80c0, 0);
  EXPECT_EQ(stack.chain().frames, expected) << word;
}

TEST(Unwind, PowerpcBackChainOfBothWidths) {
  expect_back_chain(4, 0, 4);
  expect_back_chain(8, 0x8000'0000, 16);
}

TEST(Unwind, WithoutFramePointersTheStackIsSearched) {
  Stack stack(Arch::x86_64, 8);
  stack.file.set("rip", 0x10001010);
  stack.file.set("rbp", 5);
  stack.file.set("rsp", base + 0x8000);
  stack.put(base + 0x8008, 0x10002020);  // behind a call
  stack.guest.put(0x10002020 - 5, std::vector<u8>{0xe8, 1, 2, 3, 4});
  stack.put(base + 0x8010, 0x10002080);  // inside a function, but behind no call
  stack.put(base + 0x8018, 0x10003030);
  stack.guest.put(0x10003030 - 2, std::vector<u8>{0xff, 0xd0});
  stack.put(base + 0x8020, 12345);
  const CallChain chain = stack.chain();
  EXPECT_EQ(chain.frames, std::vector<std::string>{"inner+0x10 (0x10001010)"});
  EXPECT_EQ(chain.on_stack,
            (std::vector<std::string>{"middle+0x20 (0x10002020)", "outer+0x30 (0x10003030)"}));
}

TEST(Unwind, FramesOfOnePlaceAreOneLine) {
  Stack stack(Arch::aarch64, 8);
  stack.file.set("pc", 0x10001010);
  stack.file.set("x29", base + 0x8000);
  u64 at = base + 0x8000;
  for (int depth = 0; depth < 10; ++depth, at += 0x40) {
    stack.put(at, at + 0x40);
    stack.put(at + 8, 0x10002020);
  }
  stack.put(at, 0);
  stack.put(at + 8, 0x10003030);
  EXPECT_EQ(stack.chain().frames, (std::vector<std::string>{"inner+0x10 (0x10001010)",
                                                            "middle+0x20 (0x10002020), 10 times",
                                                            "outer+0x30 (0x10003030)"}));
}

TEST(Unwind, GoesRoundInNoCircle) {
  Stack stack(Arch::aarch64, 8);
  stack.file.set("pc", 0x10001010);
  stack.file.set("x29", base + 0x8000);
  stack.put(base + 0x8000, base + 0x8000);
  stack.put(base + 0x8008, 0x10003030);
  EXPECT_EQ(stack.chain().frames.size(), 2u);
}

}  // namespace
}  // namespace pv::inspect
