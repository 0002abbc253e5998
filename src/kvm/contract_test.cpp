// The contract of hv::Vm and hv::Vcpu, held against the fake and, where /dev/kvm works, against
// real KVM. Each case is a small guest program: machine code for KVM, and the exits that it causes
// for the fake. KVM runs the x86_64 column only: there is no machine code for other hosts yet.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "kvm/test_guest.h"

namespace pv::kvm {
namespace {

using hv::Space;

struct Contract : ::testing::TestWithParam<const char*> {
  std::unique_ptr<Provider> provider;

  bool set_up(Program& program) {
    if (std::string_view(GetParam()) == "fake")
      provider = std::make_unique<FakeProvider>();
    else
      provider = std::make_unique<KvmProvider>();
    why_not = provider->set_up(program.spin());
    if (why_not.empty()) provider->vcpu().bind_thread();
    return why_not.empty();
  }
  hv::Vm& vm() { return provider->vm(); }
  hv::Vcpu& vcpu() { return provider->vcpu(); }
  // The next exit of the expected kind; a signal may come in between.
  template <class T>
  T next() {
    for (;;) {
      auto exit = vcpu().run();
      if (!exit) {
        ADD_FAILURE() << exit.error().message;
        return T{};
      }
      if (const T* wanted = std::get_if<T>(&*exit)) return *wanted;
      if (std::holds_alternative<hv::Interrupted>(*exit)) continue;
      ADD_FAILURE() << "exit " << hv::exit_names[exit->index()];
      return T{};
    }
  }
  std::string why_not;
};

#define SET_UP_OR_SKIP(program) \
  if (!set_up(program)) GTEST_SKIP() << why_not

TEST_P(Contract, PortWritesAreExitsInOrder) {
  Program p;
  SET_UP_OR_SKIP(p.out8(0x10, 'a').out8(0x11, 'b'));
  for (int port : {0x10, 0x11}) {
    auto io = next<hv::Pio>();
    EXPECT_EQ(io.port, port);
    EXPECT_EQ(io.width, Width::byte);
    EXPECT_TRUE(io.is_write);
    ASSERT_EQ(io.data.size(), 1u);
    EXPECT_EQ(io.data[0], port == 0x10 ? 'a' : 'b');
  }
}

// Those that hold any value: not the program counter, not flags or control registers.
TEST_P(Contract, RegistersKeepWhatIsWritten) {
  Program p;
  SET_UP_OR_SKIP(p.out8(0x10, 'a'));
  hv::RegisterTable table = hv::register_table(host_arch);
  u64 seed = 0x0123'4567'89ab'cdef;
  auto free_to_hold = [&](const hv::RegisterInfo& info) {
    return std::string_view(info.name) != hv::program_counter(host_arch) &&
           ((info.group == hv::RegisterGroup::general && info.bits == 64) || info.bits == 128);
  };
  for (usize i = 0; i < table.size(); ++i) {
    if (!free_to_hold(table[i])) continue;
    auto written = vcpu().write_register(i, {seed + i, table[i].bits == 128 ? ~seed - i : 0});
    ASSERT_TRUE(written) << table[i].name << ": " << written.error().message;
  }
  auto file = vcpu().read_registers(hv::all_registers);
  ASSERT_TRUE(file) << file.error().message;
  usize compared = 0;
  for (usize i = 0; i < table.size(); ++i) {
    if (!free_to_hold(table[i])) continue;
    ++compared;
    ASSERT_NE(file->known[i], 0) << table[i].name;
    EXPECT_EQ(file->values[i].low, seed + i) << table[i].name;
    EXPECT_EQ(file->values[i].high, table[i].bits == 128 ? ~seed - i : 0) << table[i].name;
    auto alone = vcpu().read_register(i);
    ASSERT_TRUE(alone) << alone.error().message;
    EXPECT_EQ(*alone, file->values[i]) << table[i].name;
  }
  EXPECT_GE(compared, 16u);
  EXPECT_FALSE(vcpu().write_register(table.size(), {}));
  EXPECT_FALSE(vcpu().read_register(table.size()));
}

TEST_P(Contract, PortReadsAreFilledIn) {
  Program p;
  SET_UP_OR_SKIP(p.in32_echo(0x20, 0x24));
  auto read = next<hv::Pio>();
  EXPECT_FALSE(read.is_write);
  EXPECT_EQ(read.port, 0x20);
  ASSERT_EQ(read.data.size(), 4u);
  const u8 value[] = {0x78, 0x56, 0x34, 0x12};
  std::copy(std::begin(value), std::end(value), read.data.begin());
  auto echo = next<hv::Pio>();
  EXPECT_EQ(echo.port, 0x24);
  EXPECT_TRUE(std::equal(echo.data.begin(), echo.data.end(), std::begin(value)));
}

TEST_P(Contract, MmioReadsAreAnsweredAndWritesTold) {
  Program p;
  SET_UP_OR_SKIP(p.load32_echo(device).store8(device + 0x100, 0x5a));
  auto read = next<hv::MmioRead>();
  EXPECT_EQ(read.address.value(), device);
  EXPECT_EQ(read.width, Width::word);
  vcpu().complete_read(0xcafe'f00d);
  auto echo = next<hv::MmioWrite>();
  EXPECT_EQ(echo.address.value(), device + 4);
  EXPECT_EQ(echo.value, 0xcafe'f00du);
  auto byte = next<hv::MmioWrite>();
  EXPECT_EQ(byte.address.value(), device + 0x100);
  EXPECT_EQ(byte.width, Width::byte);
  EXPECT_EQ(byte.value, 0x5au);
}

TEST_P(Contract, PendingReadsCanBeFinishedWithoutRunning) {
  Program p;
  SET_UP_OR_SKIP(p.load32_echo(device));
  next<hv::MmioRead>();
  vcpu().complete_read(7);
  ASSERT_TRUE(vcpu().finish_pending());
  ASSERT_TRUE(vcpu().finish_pending());
  EXPECT_EQ(next<hv::MmioWrite>().value, 7u);
}

TEST_P(Contract, AKickBeforeTheRunCounts) {
  Program p;
  SET_UP_OR_SKIP(p.out8(0x10, 1));
  vcpu().kick();
  for (int i = 0; i < 2; ++i) {  // until it is cleared
    auto exit = vcpu().run();
    ASSERT_TRUE(exit);
    EXPECT_TRUE(std::holds_alternative<hv::Interrupted>(*exit));
  }
  vcpu().clear_kick();
  EXPECT_EQ(next<hv::Pio>().port, 0x10);
}

TEST_P(Contract, AKickFromAnotherThreadEndsTheRun) {
  Program p;
  SET_UP_OR_SKIP(p.out8(0x10, 1));
  std::atomic<bool> spinning{false};
  std::atomic<bool> interrupted{false};
  std::thread runner([&] {
    vcpu().bind_thread();
    EXPECT_EQ(next<hv::Pio>().port, 0x10);
    spinning = true;
    spinning.notify_all();
    auto exit = vcpu().run();
    interrupted = exit && std::holds_alternative<hv::Interrupted>(*exit);
  });
  spinning.wait(false);
  vcpu().kick();
  runner.join();
  EXPECT_TRUE(interrupted);
}

TEST_P(Contract, PostedWritesAreDrainedInOrder) {
  Program p;
  p.out8(0x38, 'a').out8(0x38, 'b').store8(device, 'c').store8(device + 1, 'd').out8(0x38, 'e');
  SET_UP_OR_SKIP(p.out8(0x50, 0));
  if (!vm().coalesce_writes(Space::pio, {0x38, 1}))
    GTEST_SKIP() << "this host's KVM cannot coalesce port writes";
  ASSERT_TRUE(vm().coalesce_writes(Space::mmio, {device, 1}));
  std::string seen;
  auto drain = [&] {
    vm().drain_posted([&](const hv::PostedWrite& w) {
      EXPECT_EQ(w.width, Width::byte);
      EXPECT_EQ(w.address, w.space == Space::pio ? 0x38 : device);
      seen += static_cast<char>(w.value);
    });
  };
  EXPECT_EQ(next<hv::MmioWrite>().address.value(), device + 1);  // outside of the range
  drain();
  EXPECT_EQ(seen, "abc");
  EXPECT_EQ(next<hv::Pio>().port, 0x50);
  drain();
  EXPECT_EQ(seen, "abce");
  drain();
  EXPECT_EQ(seen, "abce");
}

TEST_P(Contract, DoorbellsRingWithoutAnExit) {
  Program p;
  p.store32(device, 1).store32(device, 0).store32(device, 0);
  SET_UP_OR_SKIP(p.out8(0x10, 0));
  Fd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ASSERT_TRUE(bell.valid());
  ASSERT_TRUE(vm().attach_doorbell(Space::mmio, {device, 4, 0, bell.get()}));
  EXPECT_EQ(next<hv::MmioWrite>().value, 1u);  // another value than the doorbell's
  EXPECT_EQ(next<hv::Pio>().port, 0x10);
  u64 rung = 0;
  ASSERT_EQ(::read(bell.get(), &rung, sizeof rung), static_cast<ssize_t>(sizeof rung));
  EXPECT_EQ(rung, 2u);
}

TEST_P(Contract, DoorbellsComeOffAgain) {
  Program p;
  p.store32(device, 0).store32(device, 0);
  SET_UP_OR_SKIP(p.out8(0x10, 0));
  Fd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ASSERT_TRUE(bell.valid());
  const bus::Doorbell here{device, 4, {}, bell.get()};
  bus::Doorbell elsewhere = here;
  elsewhere.address += 8;
  vm().detach_doorbell(Space::mmio, here);  // is not there: nothing
  ASSERT_TRUE(vm().attach_doorbell(Space::mmio, here));
  ASSERT_TRUE(vm().attach_doorbell(Space::mmio, elsewhere));
  vm().detach_doorbell(Space::mmio, here);
  EXPECT_EQ(next<hv::MmioWrite>().address.value(), device);
  EXPECT_EQ(next<hv::MmioWrite>().address.value(), device);
  EXPECT_EQ(next<hv::Pio>().port, 0x10);
}

TEST_P(Contract, MessagesAreTaken) {
  Program p;
  SET_UP_OR_SKIP(p);
  auto target = vm().msi_target();
  ASSERT_TRUE(target) << target.error().message;
  (*target)->signal({0xfee0'0000, 0x41, 0});
  (*target)->signal({0x1234, 0x41, 0});  // leads nowhere
}

TEST_P(Contract, MemoryMayNotOverlapAndLinesWork) {
  Program p;
  SET_UP_OR_SKIP(p);
  memory::GuestMemory other;
  auto region = other.add({GuestAddress(512_KiB), 1_MiB}, memory::Backing::anonymous);
  ASSERT_TRUE(region);
  EXPECT_FALSE(vm().map_ram(*region));
  auto line = vm().irq_line(4);
  ASSERT_TRUE(line);
  (*line)->set(true);
  (*line)->set(false);
}

// A load across a page's end is two exits; finishing the first gives the second.
TEST_P(Contract, SplitAccessesAreFinishedInParts) {
  constexpr u64 border = device + 0x1000;
  Program p;
  p.bytes({0xa1}).word(static_cast<u32>(border - 2));  // mov eax, [border - 2]
  p.bytes({0xa3}).word(static_cast<u32>(device));      // mov [device], eax
  p.step(hv::MmioRead{GuestAddress(border - 2), Width::half});
  p.unfinished = {hv::MmioRead{GuestAddress(border), Width::half}};
  p.step(hv::MmioWrite{GuestAddress(device), Width::word, 0x2222'1111});
  SET_UP_OR_SKIP(p);
  EXPECT_EQ(next<hv::MmioRead>().address.value(), border - 2);
  vcpu().complete_read(0x1111);
  auto rest = vcpu().finish_pending();
  ASSERT_TRUE(rest && rest->has_value());
  ASSERT_TRUE(std::holds_alternative<hv::MmioRead>(**rest));
  EXPECT_EQ(std::get<hv::MmioRead>(**rest).address.value(), border);
  EXPECT_EQ(std::get<hv::MmioRead>(**rest).width, Width::half);
  vcpu().complete_read(0x2222);
  rest = vcpu().finish_pending();
  ASSERT_TRUE(rest);
  EXPECT_FALSE(rest->has_value());
  EXPECT_EQ(next<hv::MmioWrite>().value, 0x2222'1111u);
}

// More than the kernel's buffer holds: what does not fit is an exit, and comes after what did.
TEST_P(Contract, AFullBufferKeepsTheOrder) {
  constexpr u32 count = 400;
  Program p;
  p.bytes({0xb9}).word(count);                    // mov ecx, count
  p.bytes({0x31, 0xc0});                          // xor eax, eax
  p.bytes({0xe6, 0x38, 0xfe, 0xc0, 0xe2, 0xfa});  // L: out 0x38, al; inc al; loop L
  for (u32 i = 0; i < count; ++i) p.step(hv::Pio{0x38, Width::byte, true, p.item(i & 0xff, 1)});
  SET_UP_OR_SKIP(p.out8(0x50, 0));
  if (!vm().coalesce_writes(Space::pio, {0x38, 1}))
    GTEST_SKIP() << "this host's KVM cannot coalesce port writes";
  u32 seen = 0;
  for (bool more = true; more && !HasFailure();) {
    auto io = next<hv::Pio>();
    vm().drain_posted([&](const hv::PostedWrite& w) { EXPECT_EQ(w.value, seen++ & 0xff); });
    more = io.port == 0x38;
    if (more && !io.data.empty()) {
      EXPECT_EQ(io.data[0], seen++ & 0xff);
    }
  }
  EXPECT_EQ(seen, count);
}

// A kick that comes while pending I/O is being finished must not be lost.
TEST_P(Contract, AKickWhileFinishingCounts) {
  Program p;
  p.bytes({0xe6, 0x10, 0xeb, 0xfc});  // L: out 0x10, al; jmp L
  for (int i = 0; i < 400; ++i) p.step(hv::Pio{0x10, Width::byte, true, p.item(0, 1)});
  SET_UP_OR_SKIP(p);
  for (int round = 0; round < 100; ++round) {
    std::thread kicker([&] { vcpu().kick(); });
    ASSERT_TRUE(vcpu().finish_pending());
    kicker.join();
    auto exit = vcpu().run();
    ASSERT_TRUE(exit);
    ASSERT_TRUE(std::holds_alternative<hv::Interrupted>(*exit)) << "round " << round;
    vcpu().clear_kick();
    next<hv::Pio>();
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Contract, ::testing::Values("fake", "kvm"),
                         [](const auto& test) { return std::string(test.param); });

// What the guest reads is what the monitor wrote, and the other way round. (The fake executes
// nothing.)
TEST(KvmOnly, RamIsShared) {
  Program p;
  p.bytes({0xa1}).word(0x8000);  // mov eax, [0x8000]
  p.bytes({0xa3}).word(0x8004);  // mov [0x8004], eax
  KvmProvider kvm;
  if (auto why = kvm.set_up(p.out8(0x10, 0)); !why.empty()) GTEST_SKIP() << why;
  ASSERT_TRUE(kvm.ram.write(GuestAddress(0x8000), u32{0x1234'5678}));
  auto exit = kvm.vcpu().run();
  ASSERT_TRUE(exit && std::holds_alternative<hv::Pio>(*exit));
  u32 seen = 0;
  ASSERT_TRUE(kvm.ram.read(GuestAddress(0x8004), seen));
  EXPECT_EQ(seen, 0x1234'5678u);
}

}  // namespace
}  // namespace pv::kvm
