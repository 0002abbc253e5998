// Numbers of KVM's riscv64 interface that are newer than Debian 12's kernel headers (6.1); from
// Linux 6.12, arch/riscv/include/uapi/asm/kvm.h and include/uapi/linux/kvm.h. They never change.
#pragma once

#include <linux/kvm.h>

#include <array>

#include "base/types.h"

namespace pv::kvm::riscv {

constexpr u64 reg_type_config = 0x01ull << 24;
constexpr u64 reg_type_core = 0x02ull << 24;
constexpr u64 reg_type_csr = 0x03ull << 24;
constexpr u64 reg_type_timer = 0x04ull << 24;
constexpr u64 reg_type_fp_d = 0x06ull << 24;
constexpr u64 reg_type_isa_ext = 0x07ull << 24;
constexpr u64 reg_type_sbi_ext = 0x08ull << 24;

constexpr u64 reg_ulong(u64 type, u64 index) {
  return KVM_REG_RISCV | KVM_REG_SIZE_U64 | type | index;
}

// struct kvm_riscv_config
enum Config : u64 { zicbom_block_size = 1, zicboz_block_size = 5, satp_mode = 6 };
// struct kvm_riscv_core
enum Core : u64 { pc = 0, a0 = 10, a1 = 11, privilege = 32 };
// struct kvm_riscv_timer
enum Timer : u64 { frequency = 0 };
// KVM_GUESTDBG_USE_SW_BP and KVM_CAP_SET_GUEST_DEBUG, defined only where the architecture has them.
constexpr u32 guestdbg_use_sw_bp = 1u << 16;
constexpr unsigned long cap_set_guest_debug = 23;
// enum KVM_RISCV_SBI_EXT_ID
constexpr u64 sbi_dbcn = 9;

// Device KVM_DEV_TYPE_RISCV_AIA (Documentation/virt/kvm/devices/; include/uapi/linux/kvm.h).
constexpr u32 dev_type_aia = 11;
enum AiaGroup : u32 { config = 0, address = 1, control = 2 };
enum AiaConfig : u64 {
  mode = 0,
  ids = 1,
  sources = 2,
  group_bits = 3,
  group_shift = 4,
  hart_bits = 5
};
constexpr u64 aia_address_aplic = 0;
constexpr u64 aia_address_imsic(u64 vcpu) { return 1 + vcpu; }
constexpr u64 aia_control_init = 0;

// enum KVM_RISCV_ISA_EXT_ID: names by number; single letters first, H (4) is never given to guests.
constexpr std::array<const char*, 69> isa_ext_names = {
    "a",         "c",       "d",           "f",      "h",      "i",        "m",        "svpbmt",
    "sstc",      "svinval", "zihintpause", "zicbom", "zicboz", "zbb",      "ssaia",    "v",
    "svnapot",   "zba",     "zbs",         "zicntr", "zicsr",  "zifencei", "zihpm",    "smstateen",
    "zicond",    "zbc",     "zbkb",        "zbkc",   "zbkx",   "zknd",     "zkne",     "zknh",
    "zkr",       "zksed",   "zksh",        "zkt",    "zvbb",   "zvbc",     "zvkb",     "zvkg",
    "zvkned",    "zvknha",  "zvknhb",      "zvksed", "zvksh",  "zvkt",     "zfh",      "zfhmin",
    "zihintntl", "zvfh",    "zvfhmin",     "zfa",    "ztso",   "zacas",    "sscofpmf", "zimop",
    "zca",       "zcb",     "zcd",         "zcf",    "zcmop",  "zawrs",    "smnpm",    "ssnpm",
    "svade",     "svadu",   "svvptc",      "zabha",  "ziccrse"};

}  // namespace pv::kvm::riscv
