#include "machine/powerpc/board.h"

#include <gtest/gtest.h>
#include <libfdt.h>

#include "boot/test_images.h"
#include "machine/powerpc/memory_map.h"
#include "machine/powerpc/spin_table.h"
#include "machine/test_machine.h"

namespace pv::machine::powerpc {
namespace {

using Kind = IrqChipKind;
using bus::Width;

HostFacts facts() {
  HostFacts facts;
  facts.timebase_hz = 400'000'000;
  facts.clock_hz = 800'000'000;
  facts.cache_line = 32;
  facts.processor_version = 0x8021'0030;
  facts.system_version = 0x8032'0010;
  facts.hypercall = {0x3c00'4b56, 0x6000'4d21, 0x4400'0002, 0x6000'0000};
  facts.hypercall_idle = true;
  return facts;
}

Result<IrqChip> choose(Kind asked, std::function<bool(Kind)> supported, unsigned cpus = 1,
                       u64 ram = 64_MiB) {
  Board board({.ram = ram, .cpus = cpus, .irqchip = asked});
  return board.choose_irqchip(supported);
}

TEST(PowerpcIrqchip, IsTheMpic) {
  for (Kind asked : {Kind::automatic, Kind::mpic}) {
    auto chip = choose(asked, without({}), 32);
    ASSERT_TRUE(chip);
    EXPECT_EQ(std::get<Mpic>(*chip).base, 0xf'e004'0000u);
  }
}

TEST(PowerpcIrqchip, EachRefusalIsASentence) {
  auto none = choose(Kind::automatic, without({Kind::mpic}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "this host's KVM has no interrupt controller for guests (MPIC)");
  EXPECT_EQ(none.error().check, "mpic");
  auto gic = choose(Kind::gicv3, without({}));
  ASSERT_FALSE(gic);
  EXPECT_EQ(gic.error().message, "--irqchip gicv3 does not exist on powerpc");
  EXPECT_EQ(choose(Kind::mpic, without({}), 33).error().message,
            "33 CPUs are more than the 32 that an MPIC serves");
  EXPECT_TRUE(choose(Kind::mpic, without({}), 1, ccsr));
  auto large = choose(Kind::mpic, without({}), 1, ccsr + 1_MiB);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().kind, Error::Kind::usage);
  EXPECT_EQ(large.error().hint, "give the guest 65024 MiB at most with --mem");
}

TEST(PowerpcBoard, DevicesAreWhereTheContractSays) {
  TestMachine t(Arch::powerpc, {.ram = 64_MiB}, facts());
  ASSERT_TRUE(t.build(3)) << t.error;
  u64 value = 0;
  EXPECT_TRUE(t.mmio.write(0xf'e000'4500, Width::byte, 'A'));
  EXPECT_EQ(t.serial_out.text(), "A");
  // virtio's registers are little-endian; this bus is a big-endian CPU's.
  for (u64 slot = 0; slot < 3; ++slot) {
    EXPECT_TRUE(t.mmio.read(0xf'e00b'0000 + slot * 0x1000, Width::word, value));
    EXPECT_EQ(value, 0x7669'7274u);
  }
  EXPECT_TRUE(t.mmio.read(0xf'e00e'00a0, Width::word, value));
  EXPECT_EQ(value, 0x8021'0030u);
  EXPECT_TRUE(t.mmio.write(0xf'e00e'00b0, Width::word, 2));
  EXPECT_EQ(t.power.resets, 1u);
  EXPECT_TRUE(t.mmio.write(0xf'e00f'f000, Width::word, 0x8000'0000));
  EXPECT_TRUE(t.mmio.write(0xf'e00f'f008, Width::word, 0x8000'0000));
  EXPECT_EQ(t.power.power_offs, 1u);
  EXPECT_TRUE(t.mmio.write(0xf'e00f'e000, Width::word, 7u << 16 | 0x3333));
  EXPECT_EQ(t.power.last_code, 7u);
  // What the kernel's MPIC passes on goes nowhere, without a word.
  EXPECT_TRUE(t.mmio.write(0xf'e004'2110, Width::word, 1));
  EXPECT_TRUE(t.mmio.read(0xf'e004'2110, Width::word, value));
  EXPECT_EQ(value, 0u);
  std::vector<u32> sources;
  for (const auto& [gsi, line] : t.vm.lines) sources.push_back(gsi);
  EXPECT_EQ(sources, (std::vector<u32>{42, 48, 49, 50}));
  EXPECT_EQ(t.machine->highest_address(), 0xf'e00f'ffffu);
}

TEST(PowerpcBoard, InputInterruptsOnTheUartsSource) {
  TestMachine t(Arch::powerpc, {.ram = 64_MiB}, facts());
  ASSERT_TRUE(t.build()) << t.error;
  t.mmio.write(uarts[0].base() + 1, Width::byte, 1);  // IER: received data
  const u8 input[] = {'x'};
  EXPECT_EQ(t.machine->receive(0, input), 1u);
  EXPECT_TRUE(t.vm.lines[42].asserted());
  u64 byte = 0;
  t.mmio.read(uarts[0].base(), Width::byte, byte);
  EXPECT_EQ(byte, 'x');
  EXPECT_FALSE(t.vm.lines[42].asserted());
}

TEST(PowerpcBoard, RefusesMoreDevicesThanSlots) {
  TestMachine t(Arch::powerpc, {.ram = 64_MiB}, facts());
  EXPECT_FALSE(t.build(17));
  EXPECT_EQ(t.error, "17 virtio devices do not fit this board's 16 slots");
}

BootState state(const TestMachine& t, unsigned cpu) {
  return std::get<BootState>(t.machine->boot_state(cpu));
}

TEST(PowerpcBootState, OfAFlatBinary) {
  TestMachine t(Arch::powerpc, {.ram = 64_MiB}, facts());
  ASSERT_TRUE(t.build() && t.load({})) << t.error;
  EXPECT_EQ(state(t, 0).pc, 0u);
  EXPECT_EQ(state(t, 0).r1, 16_MiB - 8);
  EXPECT_EQ(state(t, 0).r3, 62_MiB);
  EXPECT_EQ(state(t, 0).r6, 0x4550'4150u);
  EXPECT_EQ(state(t, 0).mapping, 64_MiB);
  EXPECT_EQ(t.at<u8>(0), 0xc3);
  EXPECT_EQ(t.at<Be32>(62_MiB), 0xd00d'feedu);
}

// The mapping grows by powers of 4 until it covers what was loaded.
TEST(PowerpcBootState, MappingCoversKernelTreeAndInitrd) {
  TestMachine t(Arch::powerpc, {.ram = 512_MiB}, facts());
  ASSERT_TRUE(t.build()) << t.error;
  TestPayload payload;
  payload.initrd.resize(70_MiB);
  ASSERT_TRUE(t.load(payload)) << t.error;
  EXPECT_EQ(state(t, 0).r3, 62_MiB);
  EXPECT_EQ(state(t, 0).mapping, 1_GiB);

  TestMachine high(Arch::powerpc, {.ram = 512_MiB}, facts());
  ASSERT_TRUE(high.build()) << high.error;
  ASSERT_TRUE(high.load(
      {.kernel = boot::test::elf(20, 200_MiB, {{200_MiB, 0x200, 0x10, 0x10}}, 0x400, false, true)}))
      << high.error;
  EXPECT_EQ(state(high, 0).pc, 200_MiB);
  EXPECT_EQ(state(high, 0).mapping, 256_MiB);
}

TEST(PowerpcBoard, A64BitKernelNeedsA64BitHost) {
  const std::vector<u8> kernel =
      boot::test::elf(21, 1_MiB, {{1_MiB, 0x200, 0x10, 0x10}}, 0x400, true, true);
  struct Case {
    u32 processor;
    bool wide;
    const char* hint;
  };
  for (const Case& c : {Case{0x8024'0012, true, nullptr},
                        Case{0x8024'0012, false, "this host's kernel has 32 bits; give"},
                        Case{0x8040'0012, false, "this host's kernel has 32 bits; give"},
                        Case{0x8023'0012, false, "this host's processor has 32 bits; give"},
                        Case{0x8021'0030, false, "this host's processor has 32 bits; give"}}) {
    HostFacts host = facts();
    host.processor_version = c.processor;
    host.guests_64_bits = c.wide;
    TestMachine t(Arch::powerpc, {.ram = 64_MiB}, host);
    ASSERT_TRUE(t.build()) << t.error;
    EXPECT_EQ(t.load({.kernel = kernel}), c.hint == nullptr) << t.error;
    if (c.hint == nullptr) continue;
    EXPECT_EQ(t.failure.kind, Error::Kind::image);
    EXPECT_NE(t.error.find("a 64-bit ELF file"), std::string::npos) << t.error;
    EXPECT_EQ(t.failure.hint.rfind(c.hint, 0), 0u) << t.failure.hint;
  }
}

TEST(PowerpcBootState, ABinaryBeyondAnyMappingIsRefused) {
  TestMachine t(Arch::powerpc, {.ram = 1_GiB + 64_MiB}, facts());
  ASSERT_TRUE(t.build()) << t.error;
  EXPECT_FALSE(t.load(
      {.kernel = boot::test::elf(20, 1_GiB, {{1_GiB, 0x200, 0x10, 0x10}}, 0x400, false, true)}));
  EXPECT_NE(t.error.find("the mapping in which a guest starts covers 1 GiB at most"),
            std::string::npos)
      << t.error;
}

TEST(PowerpcSpinTable, OtherCpusWaitInAPageThatTheTreeReserves) {
  TestMachine t(Arch::powerpc, {.ram = 64_MiB, .cpus = 3}, facts());
  ASSERT_TRUE(t.build() && t.load({})) << t.error;
  const u64 page = 64_MiB - 4096;
  for (unsigned cpu = 1; cpu < 3; ++cpu) {
    EXPECT_EQ(state(t, cpu).pc, page);
    EXPECT_EQ(state(t, cpu).r3, page + 0x400 + cpu * 64);
    EXPECT_EQ(state(t, cpu).r6, 0u);
    EXPECT_EQ(state(t, cpu).mapping, 64_MiB);
    EXPECT_EQ(t.at<Be64>(page + 0x400 + cpu * 64), 1u);
    EXPECT_EQ(t.at<Be32>(page + 0x400 + cpu * 64 + 20), cpu);
  }
  const u8* tree = t.machine->device_tree().data();
  u64 address = 0, size = 0;
  ASSERT_EQ(::fdt_num_mem_rsv(tree), 1);
  ASSERT_EQ(::fdt_get_mem_rsv(tree, 0, &address, &size), 0);
  EXPECT_EQ(address, page);
  EXPECT_EQ(size, 4096u);
  int length = 0;
  const void* release = ::fdt_getprop(tree, ::fdt_path_offset(tree, "/cpus/PowerPC,e500v2@2"),
                                      "cpu-release-addr", &length);
  ASSERT_NE(release, nullptr);
  ASSERT_EQ(length, 8);
  EXPECT_EQ(load_as<Be64>({static_cast<const u8*>(release), 8}, 0), page + 0x400 + 128);
}

TEST(PowerpcSpinTable, AUsersTreeIsForOneCpu) {
  TestMachine t(Arch::powerpc, {.ram = 64_MiB, .cpus = 2}, facts());
  ASSERT_TRUE(t.build()) << t.error;
  boot::FdtBuilder fdt;
  {
    auto root = fdt.node("");
    fdt.prop("#address-cells", 2u);
    fdt.prop("#size-cells", 2u);
  }
  EXPECT_FALSE(t.load({.device_tree = *fdt.finish()}));
  EXPECT_EQ(t.failure.kind, Error::Kind::usage);
  EXPECT_NE(t.failure.hint.find("--cpus 1"), std::string::npos);
}

// The instructions of the loop, executed: the machine that a waiting CPU is, as far as it needs
// one.
class WaitingCpu {
 public:
  WaitingCpu(std::vector<u8> page, u32 entry) : memory_(std::move(page)) { r_[3] = entry; }

  // Runs until the CPU looks at its entry once more, or leaves the page.
  void look() {
    for (int steps = 0; steps < 100; ++steps) {
      u32 word = load(pc_);
      pc_ += 4;
      if (!execute(word)) return;
    }
    ADD_FAILURE() << "the loop does not look";
  }
  void store(u32 at, u32 value) {
    Be32 word = value;
    std::memcpy(memory_.data() + at, &word, 4);
  }
  bool released() const { return released_; }
  u32 r(usize n) const { return r_[n]; }
  u32 ctr() const { return ctr_; }
  std::vector<u32> hypercalls;  // r11 of each
  u32 dec = 0, tcr = 0;
  unsigned tsr_clears = 0;

 private:
  u32 load(u32 at) const { return load_as<Be32>(memory_, at); }
  bool execute(u32 word) {
    u32 rt = word >> 21 & 31, ra = word >> 16 & 31, immediate = word & 0xffff;
    switch (word >> 26) {
      case 14: r_[rt] = (ra ? r_[ra] : 0) + static_cast<u32>(static_cast<i16>(immediate)); break;
      case 15: r_[rt] = (ra ? r_[ra] : 0) + (immediate << 16); break;
      case 16:  // bc 4,2: while not equal
        EXPECT_EQ(word & 0xffff'0000, 0x4082'0000u);
        if (!equal_) {
          pc_ += static_cast<u32>(static_cast<i16>(immediate)) - 4;
          return false;
        }
        break;
      case 17:  // sc, of the hypercall given below
        hypercalls.push_back(r_[11]);
        for (u32 n = 3; n <= 12; ++n) r_[n] = 0xdead'0000 + n;
        break;
      case 19:
        if (word == 0x4c00'012c) break;  // isync
        EXPECT_EQ(word, 0x4e80'0420u);   // bctr
        released_ = true;
        return false;
      case 24: r_[ra] = r_[rt] | immediate; break;
      case 28:
        r_[ra] = r_[rt] & immediate;
        equal_ = r_[ra] == 0;
        break;
      case 31: execute_31(word, rt, ra); break;
      case 32: r_[rt] = load(r_[ra] + immediate); break;
      default: ADD_FAILURE() << "instruction " << std::hex << word;
    }
    return true;
  }
  void execute_31(u32 word, u32 rt, u32 ra) {
    u32 rb = word >> 11 & 31;
    switch (word >> 1 & 0x3ff) {
      case 444: r_[ra] = r_[rt] | r_[rb]; break;
      case 598: break;  // sync
      case 467:
        switch (ra | rb << 5) {
          case 9: ctr_ = r_[rt]; break;
          case 22: dec = r_[rt]; break;
          case 336:
            EXPECT_EQ(r_[rt], 0x0800'0000u);
            ++tsr_clears;
            break;
          case 340: tcr = r_[rt]; break;
          default: ADD_FAILURE() << "mtspr " << (ra | rb << 5);
        }
        break;
      default: ADD_FAILURE() << "instruction " << std::hex << word;
    }
  }

  std::vector<u8> memory_;
  std::array<u32, 32> r_{};
  u32 pc_ = 0, ctr_ = 0;
  bool equal_ = false, released_ = false;
};

constexpr u32 own = 0x400 + 64;

SpinCode code(bool idle) {
  return {{0x3c00'4b56, 0x6000'4d21, 0x4400'0002, 0x6000'0000}, idle, 800'000, 0x0400'0000};
}

TEST(PowerpcSpinTable, ACpuSleepsUntilItIsReleased) {
  WaitingCpu cpu(build_spin_page(2, code(true)), own);
  for (unsigned i = 1; i <= 3; ++i) {
    cpu.look();
    ASSERT_FALSE(cpu.released());
    EXPECT_EQ(cpu.hypercalls.size(), i);
    EXPECT_EQ(cpu.hypercalls.back(), 0x1'0010u);  // EV_IDLE
    EXPECT_EQ(cpu.dec, 800'000u);
    EXPECT_EQ(cpu.tcr, 0x0400'0000u);  // an expired decrementer stays pending
  }
  cpu.store(own + 12, 0x1234'5678);
  cpu.store(own + 4, 0x0010'0000);
  cpu.look();
  ASSERT_TRUE(cpu.released());
  EXPECT_EQ(cpu.ctr(), 0x0010'0000u);
  EXPECT_EQ(cpu.r(3), 0x1234'5678u);
  EXPECT_EQ(cpu.r(7), 0x0400'0000u);
  for (usize n : {0, 4, 5, 6, 8, 9, 10, 11, 12, 31}) EXPECT_EQ(cpu.r(n), 0u) << n;
  EXPECT_EQ(cpu.dec, 0u);
  EXPECT_EQ(cpu.tcr, 0u);
  EXPECT_EQ(cpu.tsr_clears, 5u);
}

TEST(PowerpcSpinTable, WithoutIdleItSpins) {
  WaitingCpu cpu(build_spin_page(2, code(false)), own);
  cpu.look();
  cpu.look();
  EXPECT_FALSE(cpu.released());
  cpu.store(own + 4, 0x2000);
  cpu.look();
  ASSERT_TRUE(cpu.released());
  EXPECT_EQ(cpu.ctr(), 0x2000u);
  EXPECT_TRUE(cpu.hypercalls.empty());
  EXPECT_EQ(cpu.tsr_clears, 0u);
}

}  // namespace
}  // namespace pv::machine::powerpc
