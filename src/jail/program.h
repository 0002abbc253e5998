// A seccomp filter compiled by the C++ compiler: rules go in, a constant array of BPF instructions
// comes out, and starting a thread costs one system call and no computing.
// Classic BPF and seccomp_data: Linux, Documentation/userspace-api/seccomp_filter.rst.
//
//   constexpr auto rules = std::to_array<Rule>({allow(PV_CALL(read)),
//                                               allow_without(PV_CALL(mmap), 2, PROT_EXEC)});
//   constexpr Policy policy{Role::worker, "worker", rules};
//   enter(sealed, filter<policy, disk_ioctls>);
//
// Shape of a program: wrong architecture -> kill; ioctl (what a vCPU does most) -> its requests in
// the order given; everything else -> binary search over the sorted numbers. Only the loads, jumps
// and returns are used that let Linux 5.11 and later prove at installation that a number is always
// allowed, after which such calls do not run the filter at all.
// Deliberately absent: rules on 64-bit arguments (no allowed call needs one) and user notification.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>

#include "jail/syscalls.h"

namespace pv::jail {

// Travels in the low 16 bits of SECCOMP_RET_TRAP, so that the signal handler can name the thread.
enum class Role : u8 { loop, vcpu, worker, watchdog };

// What happens to one system call. Arguments are compared by their low 32 bits: every argument
// tested here is an `int`, an `unsigned` or a set of flags of which the kernel knows 32.
struct Rule {
  enum class Test : u8 {
    always,   // allowed
    one_of,   // allowed when the argument is one of `values`
    without,  // allowed when the argument has none of the bits values[0]
    with,     // allowed when the argument has all of the bits values[0]
    own_pid,  // allowed when the argument is our own process id, known at installation
    refused,  // fails with errno values[0], which the C library knows how to live with
  };
  static constexpr usize max_values = 8;

  Call call;
  Test test = Test::always;
  u8 argument = 0;  // from 0
  u8 count = 0;
  std::array<u32, max_values> values{};
};

constexpr Rule allow(Call call) { return {call}; }
consteval Rule allow_one_of(Call call, u8 argument, std::initializer_list<u32> values) {
  Rule rule{call, Rule::Test::one_of, argument, static_cast<u8>(values.size()), {}};
  std::ranges::copy(values, rule.values.begin());
  return rule;
}
constexpr Rule allow_without(Call call, u8 argument, u32 bits) {
  return {call, Rule::Test::without, argument, 1, {bits}};
}
constexpr Rule allow_with(Call call, u8 argument, u32 bits) {
  return {call, Rule::Test::with, argument, 1, {bits}};
}
constexpr Rule allow_own_pid(Call call, u8 argument) {
  return {call, Rule::Test::own_pid, argument, 0, {}};
}
constexpr Rule refuse(Call call, u32 error) { return {call, Rule::Test::refused, 0, 1, {error}}; }

struct Policy {
  Role role;
  std::span<const Rule> rules;
};

// A finished program. `pid_slots` are the instructions whose constant is the process id.
struct Filter {
  Role role;
  std::span<const sock_filter> code;
  std::span<const u16> pid_slots;
};

constexpr usize max_program = 1024;
constexpr usize max_rules = 160;
constexpr usize max_pid_slots = 4;

// Where the low 32 bits of an argument lie in seccomp_data.
constexpr u32 low_word(u8 argument) {
  u32 offset = static_cast<u32>(offsetof(seccomp_data, args)) + u32{argument} * 8;
  return std::endian::native == std::endian::big ? offset + 4 : offset;
}

// Writes the program; everything here runs in the compiler, where a call to one of the functions
// that are declared but nowhere defined is the error message.
void the_filter_is_longer_than_max_program();
void the_policy_has_more_than_max_rules();
void the_policy_names_a_system_call_twice();
void half_of_the_filter_is_too_long_for_a_short_jump();
void an_argument_has_too_many_values_for_a_short_jump();

class Compiler {
 public:
  consteval Compiler(const Policy& policy, u32 ioctl_number, std::span<const u32> requests)
      : role_(policy.role) {
    collect(policy);
    load(offsetof(seccomp_data, arch));
    jump(BPF_JEQ, audit_arch, 1, 0);
    result(SECCOMP_RET_KILL_PROCESS);
    load(offsetof(seccomp_data, nr));
    if (!requests.empty()) ioctl(ioctl_number, requests);
    search(0, count_, 0, absent);
  }

  usize size = 0;
  std::array<sock_filter, max_program> code{};
  usize pid_slot_count = 0;
  std::array<u16, max_pid_slots> pid_slots{};

 private:
  consteval void collect(const Policy& policy) {
    for (const Rule& rule : policy.rules) {
      if (!rule.call.exists()) continue;
      if (count_ == max_rules) the_policy_has_more_than_max_rules();
      rules_[count_++] = rule;
    }
    std::sort(rules_.begin(), rules_.begin() + count_,
              [](const Rule& a, const Rule& b) { return a.call.number < b.call.number; });
    for (usize i = 1; i < count_; ++i)
      if (rules_[i].call.number == rules_[i - 1].call.number)
        the_policy_names_a_system_call_twice();
  }

  consteval void put(u16 operation, u32 k, u8 yes = 0, u8 no = 0) {
    if (size == max_program) the_filter_is_longer_than_max_program();
    code[size++] = sock_filter{operation, yes, no, k};
  }
  consteval void load(usize offset) { put(BPF_LD | BPF_W | BPF_ABS, static_cast<u32>(offset)); }
  consteval void jump(u16 test, u32 k, u8 yes, u8 no) { put(BPF_JMP | BPF_K | test, k, yes, no); }
  consteval void result(u32 value) { put(BPF_RET | BPF_K, value); }
  consteval void trap() { result(SECCOMP_RET_TRAP | static_cast<u32>(role_)); }

  // The accumulator holds an argument: allow these values, trap on any other.
  consteval void one_of(std::span<const u32> values) {
    if (values.size() > 254) an_argument_has_too_many_values_for_a_short_jump();
    usize left = values.size();
    for (u32 value : values) jump(BPF_JEQ, value, static_cast<u8>(left--), 0);
    trap();
    result(SECCOMP_RET_ALLOW);
  }

  consteval void ioctl(u32 number, std::span<const u32> requests) {
    // Jump over the load, one test for each request and the two returns.
    u32 length = static_cast<u32>(requests.size()) + 3;
    jump(BPF_JEQ, number, 1, 0);
    put(BPF_JMP | BPF_JA, length);
    load(low_word(1));
    one_of(requests);
  }

  // The accumulator holds the call's number, which is known to be rule's.
  consteval void decide(const Rule& rule) {
    if (rule.test == Rule::Test::always) return result(SECCOMP_RET_ALLOW);
    if (rule.test == Rule::Test::refused) return result(SECCOMP_RET_ERRNO | rule.values[0]);
    load(low_word(rule.argument));
    switch (rule.test) {
      case Rule::Test::without:
        jump(BPF_JSET, rule.values[0], 0, 1);
        trap();
        return result(SECCOMP_RET_ALLOW);
      case Rule::Test::with:
        put(BPF_ALU | BPF_AND | BPF_K, rule.values[0]);
        return one_of(std::span(rule.values).first(1));
      case Rule::Test::own_pid:
        pid_slots.at(pid_slot_count++) = static_cast<u16>(size);
        jump(BPF_JEQ, 0, 1, 0);
        trap();
        return result(SECCOMP_RET_ALLOW);
      default: return one_of(std::span(rule.values).first(rule.count));
    }
  }

  // The accumulator holds a number of which only rule's is allowed.
  consteval void only(const Rule& rule) {
    usize at = size;
    jump(BPF_JEQ, rule.call.number, 0, 0);
    decide(rule);
    code[at].jf = static_cast<u8>(size - at - 1);
    trap();
  }

  // The accumulator holds a number in [low, high]; rules first to last are those in it.
  consteval void search(usize first, usize last, u32 low, u32 high) {
    if (first == last) return trap();
    const Rule& rule = rules_[first];
    usize alike = first;  // a run of consecutive numbers that are all simply allowed is one answer
    while (alike < last && rules_[alike].test == Rule::Test::always &&
           rules_[alike].call.number == rule.call.number + (alike - first))
      ++alike;
    u32 width = static_cast<u32>(std::max(alike, first + 1) - first);
    bool whole = first + width == last && rule.call.number == low && high == low + width - 1;
    if (whole) return decide(rule);
    if (first + 1 == last) return only(rule);
    u32 split = splitting_point(first, last, low, width);
    usize middle = first;
    while (middle < last && rules_[middle].call.number < split) ++middle;
    usize at = size;
    jump(BPF_JGE, split, 0, 0);
    search(first, middle, low, split - 1);
    usize distance = size - at - 1;
    if (distance > 255) half_of_the_filter_is_too_long_for_a_short_jump();
    code[at].jt = static_cast<u8>(distance);
    search(middle, last, split, high);
  }

  // A number in (low, high] that divides the work about evenly: a rule's own number, or for the
  // last run left alone its edges.
  consteval u32 splitting_point(usize first, usize last, u32 low, u32 width) const {
    const u32 start = rules_[first].call.number;
    if (first + width == last) return start > low ? start : start + width;
    usize middle = first + (last - first) / 2;
    if (middle < first + width) middle = first + width;
    // Not inside a run.
    while (middle > first + width && rules_[middle].test == Rule::Test::always &&
           rules_[middle - 1].test == Rule::Test::always &&
           rules_[middle - 1].call.number + 1 == rules_[middle].call.number)
      --middle;
    return rules_[middle].call.number;
  }

  Role role_;
  usize count_ = 0;
  std::array<Rule, max_rules> rules_{};
};

// The lists of ioctl requests one after the other, hot ones first.
template <const auto&... lists>
consteval auto joined() {
  std::array<u32, (std::size(lists) + ... + 0)> all{};
  usize n = 0;
  [[maybe_unused]] auto append = [&](const auto& list) {
    for (auto request : list) all[n++] = static_cast<u32>(request);
  };
  (append(lists), ...);
  return all;
}

template <const Policy& policy, const auto&... ioctls>
struct Compiled {
  static constexpr Call ioctl = PV_CALL(ioctl);
  static constexpr auto requests = joined<ioctls...>();
  static consteval Compiler compile() { return Compiler(policy, ioctl.number, requests); }
  static constexpr usize size = compile().size;
  static constexpr usize pid_slot_count = compile().pid_slot_count;
  static constexpr std::array<sock_filter, size> code = [] {
    std::array<sock_filter, size> out{};
    constexpr Compiler done = compile();
    std::copy_n(done.code.begin(), size, out.begin());
    return out;
  }();
  static constexpr std::array<u16, pid_slot_count> pid_slots = [] {
    std::array<u16, pid_slot_count> out{};
    constexpr Compiler done = compile();
    std::copy_n(done.pid_slots.begin(), pid_slot_count, out.begin());
    return out;
  }();
};

// The program of a policy that also allows the ioctl requests of the lists (constant arrays of
// integers with static storage; put the hottest request of a thread into the first place).
template <const Policy& policy, const auto&... ioctls>
inline constexpr Filter filter{policy.role, Compiled<policy, ioctls...>::code,
                               Compiled<policy, ioctls...>::pid_slots};

}  // namespace pv::jail
