#include "vmm/undescribed.h"

#include <gtest/gtest.h>

#include "hv/fake.h"
#include "hv/registers/aarch64.h"

namespace pv::vmm {
namespace {

using hv::GuestAddress;

// Answers with what was written last.
class Cell final : public bus::MmioDevice {
 public:
  u64 read(bus::Access) override { return value; }
  void write(bus::Access, u64 written) override { value = written; }
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }
  u64 value = 0x1122'3344'5566'7788;
};

struct UndescribedAccess : ::testing::Test {
  static constexpr u64 ram_base = 0x4000'0000, device = 0x0900'0000;
  static constexpr u32 post_indexed = 0xb840'4420;  // ldr w0, [x1], #4
  static constexpr u32 exclusive = 0xc85f'7c20;     // ldxr x0, [x1]
  memory::GuestMemory ram;
  bus::Bus bus;
  Cell cell;
  Log quiet{-1, LogLevel::error};
  hv::FakeVcpu vcpu{1};

  void SetUp() override {
    ASSERT_TRUE(ram.add({GuestAddress(ram_base), 1_MiB}, memory::Backing::anonymous));
    ASSERT_TRUE(bus.attach({device, 0x1000}, cell, "cell"));
    // The fake's registers are those of the machine that runs the tests: an aarch64 instead.
    hv::RegisterTable table = hv::register_table(Arch::aarch64);
    vcpu.registers = hv::RegisterFile(Arch::aarch64, table);
    for (usize i = 0; i < table.size(); ++i) vcpu.registers.set(i, {});
    set("pc", ram_base);
    set("cpsr", 0x3c5);
    set("vbar_el1", ram_base + 0x8000);
    set("x1", device);
  }
  void set(const char* name, u64 value) { vcpu.registers.set(name, value); }
  u64 get(const char* name) { return vcpu.registers.get_or(name, 0); }
  void code(u32 word) { ASSERT_TRUE(ram.write(GuestAddress(get("pc")), Le32(word))); }
  std::optional<Outcome> handle(Undescribed& u, u64 address = device, u64 syndrome = 0) {
    auto handled = u.handle(vcpu, hv::Nisv{syndrome, GuestAddress(address)});
    moved_to = handled.moved_to;
    return handled.end;
  }
  std::optional<u64> moved_to;
  Undescribed make(config::Nisv refused = config::Nisv::abort,
                   machine::IrqChip chip = machine::UserIrqChip{}) {
    return {bus, ram, chip, 2, refused, quiet};
  }
};

TEST_F(UndescribedAccess, IsCompletedOnTheBus) {
  auto u = make();
  code(post_indexed);
  EXPECT_FALSE(handle(u));
  EXPECT_EQ(get("x0"), 0x5566'7788u);
  EXPECT_EQ(get("x1"), device + 4);
  EXPECT_EQ(get("pc"), ram_base + 4);
  code(0xf900'0020);  // str x0, [x1]
  EXPECT_FALSE(handle(u, device + 4, 1 << 6));
  EXPECT_EQ(cell.value, 0x5566'7788u);
}

TEST_F(UndescribedAccess, WhereNothingIsReadsAllOnes) {
  auto u = make();
  set("x1", 0x0a00'0000);
  code(post_indexed);
  EXPECT_FALSE(handle(u, 0x0a00'0000));
  EXPECT_EQ(get("x0"), 0xffff'ffffu);
}

TEST_F(UndescribedAccess, RefusedOnesAreTheGuestsToHandle) {
  auto u = make();
  code(exclusive);
  EXPECT_FALSE(handle(u));
  EXPECT_EQ(get("pc"), ram_base + 0x8200);
  EXPECT_EQ(get("elr_el1"), ram_base);
  EXPECT_EQ(get("far_el1"), device);
  EXPECT_EQ(get("esr_el1") & 0x3f, inspect::aarch64::unsupported_exclusive);
}

TEST_F(UndescribedAccess, OrEndTheRunWithTheReason) {
  auto u = make(config::Nisv::stop);
  code(exclusive);
  auto end = handle(u);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->kind, Outcome::Kind::crash);
  EXPECT_EQ(end->message,
            "CPU 1: the instruction 0xc85f7c20 at 0x40000000 accessed 0x9000000, outside RAM, and "
            "polyvisor cannot complete it: ldxr is an exclusive load or store");
  EXPECT_FALSE(end->hint.empty());
  EXPECT_EQ(get("pc"), ram_base);
}

// Nobody at EL1 could be told.
TEST_F(UndescribedAccess, AGuestThatCannotBeToldEnds) {
  auto u = make();
  set("cpsr", 0x13);
  auto end = handle(u);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->kind, Outcome::Kind::crash);
}

TEST_F(UndescribedAccess, InterruptControllersOfTheKernelAreNamed) {
  struct Case {
    machine::IrqChip chip;
    u64 address;
    const char* name;
  };
  const Case cases[] = {
      {machine::GicV3{0x0800'0000, 0x080a'0000, 64}, 0x0800'fffc, "GIC's distributor"},
      {machine::GicV3{0x0800'0000, 0x080a'0000, 64}, 0x080d'fffc, "GIC's redistributors"},
      {machine::GicV2{0x0800'0000, 0x0801'0000, 64}, 0x0801'1ffc, "GIC's CPU interface"},
  };
  code(post_indexed);
  for (const Case& c : cases) {
    auto u = make(config::Nisv::stop, c.chip);
    set("x1", c.address);
    auto end = handle(u, c.address);
    ASSERT_TRUE(end);
    EXPECT_NE(end->message.find(c.name), std::string::npos) << end->message;
  }
}

TEST_F(UndescribedAccess, IsNotTriedForEver) {
  auto u = make();
  code(0xd503'201f);  // nop
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(handle(u));
    ASSERT_EQ(get("pc"), ram_base);
  }
  auto end = handle(u);
  ASSERT_TRUE(end);
  EXPECT_NE(end->message.find("no load or store"), std::string::npos) << end->message;
  set("pc", ram_base + 4);  // elsewhere it counts anew
  code(0xd503'201f);
  EXPECT_FALSE(handle(u));
}

TEST_F(UndescribedAccess, AStepIsOverWithIt) {
  auto u = make();
  vcpu.debug.single_step = true;
  code(post_indexed);
  EXPECT_FALSE(handle(u));
  EXPECT_EQ(moved_to, ram_base + 4);
  code(exclusive);
  set("x1", device);
  EXPECT_FALSE(handle(u));
  EXPECT_EQ(moved_to, ram_base + 0x8200);  // the handler's first instruction
  set("pc", ram_base);
  code(0xd503'201f);
  EXPECT_FALSE(handle(u));
  EXPECT_FALSE(moved_to);  // to be tried again
  vcpu.debug.single_step = false;
  code(post_indexed);
  EXPECT_FALSE(handle(u));
  EXPECT_FALSE(moved_to);
}

TEST_F(UndescribedAccess, AHostThatRefusesRegistersIsNamed) {
  auto u = make();
  vcpu.registers.known.assign(vcpu.registers.known.size(), 0);
  auto end = handle(u);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->kind, Outcome::Kind::host_error);
}

}  // namespace
}  // namespace pv::vmm
