// riscv64's registers (RISC-V privileged ISA 1.13; supervisor CSRs are the guest's, that is
// VS-level). `priv` is 0 for user and 1 for supervisor mode. `timer_state` is 1 while a timer is
// set.
#pragma once

#include <array>

#include "hv/registers.h"

namespace pv::hv {

inline constexpr auto riscv64_registers = std::to_array<RegisterInfo>({
    {"zero", 64, RegisterGroup::general},      {"ra", 64, RegisterGroup::general},
    {"sp", 64, RegisterGroup::general},        {"gp", 64, RegisterGroup::general},
    {"tp", 64, RegisterGroup::general},        {"t0", 64, RegisterGroup::general},
    {"t1", 64, RegisterGroup::general},        {"t2", 64, RegisterGroup::general},
    {"fp", 64, RegisterGroup::general},        {"s1", 64, RegisterGroup::general},
    {"a0", 64, RegisterGroup::general},        {"a1", 64, RegisterGroup::general},
    {"a2", 64, RegisterGroup::general},        {"a3", 64, RegisterGroup::general},
    {"a4", 64, RegisterGroup::general},        {"a5", 64, RegisterGroup::general},
    {"a6", 64, RegisterGroup::general},        {"a7", 64, RegisterGroup::general},
    {"s2", 64, RegisterGroup::general},        {"s3", 64, RegisterGroup::general},
    {"s4", 64, RegisterGroup::general},        {"s5", 64, RegisterGroup::general},
    {"s6", 64, RegisterGroup::general},        {"s7", 64, RegisterGroup::general},
    {"s8", 64, RegisterGroup::general},        {"s9", 64, RegisterGroup::general},
    {"s10", 64, RegisterGroup::general},       {"s11", 64, RegisterGroup::general},
    {"t3", 64, RegisterGroup::general},        {"t4", 64, RegisterGroup::general},
    {"t5", 64, RegisterGroup::general},        {"t6", 64, RegisterGroup::general},
    {"pc", 64, RegisterGroup::general},        {"priv", 64, RegisterGroup::general},
    {"ft0", 64, RegisterGroup::vector},        {"ft1", 64, RegisterGroup::vector},
    {"ft2", 64, RegisterGroup::vector},        {"ft3", 64, RegisterGroup::vector},
    {"ft4", 64, RegisterGroup::vector},        {"ft5", 64, RegisterGroup::vector},
    {"ft6", 64, RegisterGroup::vector},        {"ft7", 64, RegisterGroup::vector},
    {"fs0", 64, RegisterGroup::vector},        {"fs1", 64, RegisterGroup::vector},
    {"fa0", 64, RegisterGroup::vector},        {"fa1", 64, RegisterGroup::vector},
    {"fa2", 64, RegisterGroup::vector},        {"fa3", 64, RegisterGroup::vector},
    {"fa4", 64, RegisterGroup::vector},        {"fa5", 64, RegisterGroup::vector},
    {"fa6", 64, RegisterGroup::vector},        {"fa7", 64, RegisterGroup::vector},
    {"fs2", 64, RegisterGroup::vector},        {"fs3", 64, RegisterGroup::vector},
    {"fs4", 64, RegisterGroup::vector},        {"fs5", 64, RegisterGroup::vector},
    {"fs6", 64, RegisterGroup::vector},        {"fs7", 64, RegisterGroup::vector},
    {"fs8", 64, RegisterGroup::vector},        {"fs9", 64, RegisterGroup::vector},
    {"fs10", 64, RegisterGroup::vector},       {"fs11", 64, RegisterGroup::vector},
    {"ft8", 64, RegisterGroup::vector},        {"ft9", 64, RegisterGroup::vector},
    {"ft10", 64, RegisterGroup::vector},       {"ft11", 64, RegisterGroup::vector},
    {"fcsr", 32, RegisterGroup::vector},       {"sstatus", 64, RegisterGroup::system},
    {"sie", 64, RegisterGroup::system},        {"stvec", 64, RegisterGroup::system},
    {"sscratch", 64, RegisterGroup::system},   {"sepc", 64, RegisterGroup::system},
    {"scause", 64, RegisterGroup::system},     {"stval", 64, RegisterGroup::system},
    {"sip", 64, RegisterGroup::system},        {"satp", 64, RegisterGroup::system},
    {"scounteren", 64, RegisterGroup::system}, {"time", 64, RegisterGroup::system},
    {"timecmp", 64, RegisterGroup::system},    {"timer_state", 64, RegisterGroup::system},
});

}  // namespace pv::hv
