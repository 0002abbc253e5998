#include "jail/program.h"

#include <gtest/gtest.h>

#include <map>

#include "jail/interpreter.h"

namespace pv::jail {
namespace {

// Numbers of no system call in particular: the compiler's corners.
constexpr Call numbered(u32 number) { return {"test", number}; }

constexpr auto rules = std::to_array<Rule>({
    allow(numbered(0)),
    allow(numbered(7)),  // runs, gaps, single numbers, out of order
    allow(numbered(5)),
    allow(numbered(6)),
    allow_one_of(numbered(8), 3, {1, 0x8000'0001, 77}),
    allow_without(numbered(9), 2, 0x4),
    allow(numbered(10)),
    allow_with(numbered(40), 5, 0x1000),
    allow_own_pid(numbered(41), 0),
    refuse(numbered(42), 38),
    allow(numbered(500)),
    allow({"no such call here", absent}),
});
constexpr Policy policy{Role::vcpu, rules};
constexpr u32 first_ioctls[] = {0xae80, 0xae41};
constexpr std::array<unsigned long, 1> second_ioctls = {0xc008'ae67};
constexpr const Filter& tested = filter<policy, first_ioctls, second_ioctls>;
constexpr u32 ioctl_number = Call(PV_CALL(ioctl)).number;

Verdict verdict(u32 number, std::array<u64, 6> arguments = {}) {
  return interpret(tested, {number, arguments}, 4711);
}

TEST(Program, KnowsNumbersByName) {
  EXPECT_EQ(Call(PV_CALL(read)).number, static_cast<u32>(SYS_read));
  EXPECT_EQ(Call(PV_CALL(exit_group)).number, static_cast<u32>(SYS_exit_group));
  EXPECT_FALSE(Call(PV_CALL(no_such_call)).exists());
  EXPECT_STREQ(Call(PV_CALL(read)).name, "read");
  static_assert(number_in("12x") == absent && number_in("") == absent && number_in("420") == 420);
  static_assert(number_in("(244 + 15)") == 259 && number_in("(AT + 1)") == absent);
}

TEST(Program, AllowsExactlyTheListedNumbers) {
  const std::map<u32, bool> plain = {{0, true}, {5, true},  {6, true},
                                     {7, true}, {10, true}, {500, true}};
  const u32 tests[] = {8, 9, 40, 41, 42, ioctl_number};
  for (u32 number = 0; number < 1000; ++number) {
    if (std::ranges::find(tests, number) != std::end(tests)) continue;
    Verdict v = verdict(number);
    EXPECT_EQ(v.allowed(), plain.contains(number)) << number;
    EXPECT_EQ(v.trapped(), !plain.contains(number)) << number;
  }
  for (u32 number : {0x7fff'ffffu, 0x8000'0000u, 0xffff'fffeu, 0xffff'ffffu, 0x4000'0000u})
    EXPECT_TRUE(verdict(number).trapped()) << number;
}

TEST(Program, TrapCarriesTheRole) {
  EXPECT_EQ(verdict(1).action & SECCOMP_RET_DATA, static_cast<u32>(Role::vcpu));
}

TEST(Program, KillsOtherArchitectures) {
  for (u32 arch : {0u, audit_arch ^ 1, audit_arch ^ 0x8000'0000, audit_arch ^ 0x4000'0000})
    EXPECT_TRUE(interpret(tested, {0, {}, arch}).killed());
}

TEST(Program, ComparesTheArgumentThatIsNamed) {
  EXPECT_TRUE(verdict(8, {0, 0, 0, 77}).allowed());
  EXPECT_TRUE(verdict(8, {0, 0, 0, 0x8000'0001}).allowed());
  EXPECT_TRUE(verdict(8, {77, 77, 77, 2, 77, 77}).trapped());
  // The kernel takes such an argument as 32 bits: what stands above is not looked at.
  EXPECT_TRUE(verdict(8, {0, 0, 0, 0xffff'ffff'8000'0001}).allowed());
  EXPECT_TRUE(verdict(8, {0, 0, 0, u64{77} << 32}).trapped());
}

TEST(Program, TestsBits) {
  EXPECT_TRUE(verdict(9, {0, 0, 3}).allowed());
  EXPECT_TRUE(verdict(9, {0, 0, 7}).trapped());
  EXPECT_TRUE(verdict(9, {4, 4, 0x8, 4, 4, 4}).allowed());
  EXPECT_TRUE(verdict(40, {0, 0, 0, 0, 0, 0x1800}).allowed());
  EXPECT_TRUE(verdict(40, {0, 0, 0, 0, 0, 0x0800}).trapped());
}

TEST(Program, ComparesTheProcessIdGivenAtInstallation) {
  ASSERT_EQ(tested.pid_slots.size(), 1u);
  EXPECT_TRUE(verdict(41, {4711}).allowed());
  EXPECT_TRUE(verdict(41, {4712}).trapped());
  EXPECT_TRUE(verdict(41, {0}).trapped());
}

TEST(Program, RefusesWithAnErrno) { EXPECT_TRUE(verdict(42).refused(38)); }

TEST(Program, IoctlByRequest) {
  for (u64 request : {0xae80ull, 0xae41ull, 0xc008'ae67ull, 0xffff'ffff'c008'ae67ull})
    EXPECT_TRUE(verdict(ioctl_number, {3, request}).allowed()) << request;
  for (u64 request : {0ull, 0xae81ull, 0xae80ull << 32})
    EXPECT_TRUE(verdict(ioctl_number, {0xae80, request, 0xae80}).trapped()) << request;
  EXPECT_TRUE(interpret(filter<policy>, {ioctl_number, {3, 0xae80}}).trapped());
}

TEST(Program, HottestIoctlTakesSevenInstructions) {
  // Two loads and two tests for architecture and number, one each for the request, the return.
  EXPECT_EQ(verdict(ioctl_number, {3, 0xae80}).steps, 7u);
}

TEST(Program, JumpsOnlyForwardAndInside) {
  for (usize at = 0; at < tested.code.size(); ++at) {
    const sock_filter& op = tested.code[at];
    if (BPF_CLASS(op.code) != BPF_JMP) continue;
    usize farthest = BPF_OP(op.code) == BPF_JA ? op.k : std::max(op.jt, op.jf);
    EXPECT_LT(at + 1 + farthest, tested.code.size()) << at;
  }
}

constexpr Policy empty{Role::loop, {}};
TEST(Program, AnEmptyPolicyAllowsNothing) {
  for (u32 number = 0; number < 600; ++number)
    EXPECT_TRUE(interpret(filter<empty>, {number}).trapped());
}

constexpr auto dense_rules = [] {
  std::array<Rule, 100> all{};
  for (u32 i = 0; i < all.size(); ++i) all[i] = allow(numbered(i * 2));
  return all;
}();
constexpr Policy dense{Role::worker, dense_rules};
TEST(Program, LargePoliciesStayLogarithmic) {
  for (u32 number = 0; number < 400; ++number) {
    Verdict v = interpret(filter<dense>, {number});
    EXPECT_EQ(v.allowed(), number % 2 == 0 && number < 200) << number;
    EXPECT_LE(v.steps, 14u);
  }
}

}  // namespace
}  // namespace pv::jail
