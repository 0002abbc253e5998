// Made-up hosts, and the sentence that each has to lead to.
#include <gtest/gtest.h>

#include <algorithm>

#include "doctor/explain.h"
#include "doctor/fake_probe.h"
#include "doctor/live_probe.h"
#include "doctor/report.h"

namespace pv::doctor {
namespace {

constexpr Arch architectures[] = {Arch::aarch64, Arch::riscv64, Arch::powerpc, Arch::x86_64};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// The finding's parts, each of which has to contain these words.
void expect(const Finding& f, State state, std::string_view seen, std::string_view why,
            std::string_view mend) {
  EXPECT_EQ(name(f.state), name(state)) << f.seen;
  EXPECT_TRUE(contains(f.seen, seen)) << f.seen;
  EXPECT_TRUE(contains(f.why, why)) << f.why;
  EXPECT_TRUE(contains(f.mend, mend)) << f.mend;
}

TEST(Doctor, HealthyHostsAreFine) {
  for (const Arch arch : architectures) {
    const FakeProbe host(arch);
    const auto findings = examine(host);
    EXPECT_TRUE(guests_can_run(findings)) << name(arch);
    for (const Finding& f : findings) {
      EXPECT_NE(name(f.state), "broken") << f.id << ": " << f.seen;
      EXPECT_NE(name(f.state), "limited") << f.id << ": " << f.seen;
      EXPECT_FALSE(f.seen.empty()) << f.id;
      EXPECT_FALSE(f.seen.ends_with('.')) << f.seen;
    }
  }
}

TEST(Doctor, IdsAreUniqueAndTextsComplete) {
  for (const Arch arch : architectures) {
    FakeProbe host(arch);
    host.close_kvm(ENOENT);
    host.files.clear();
    host.nodes.clear();
    host.log.reset();
    const auto findings = examine(host);
    for (const Finding& f : findings) {
      EXPECT_EQ(std::ranges::count_if(findings, [&](const Finding& g) { return g.id == f.id; }), 1)
          << f.id;
      if (f.state == State::limited || f.state == State::broken) {
        EXPECT_FALSE(f.why.empty()) << f.id;
      }
      if (f.state == State::broken) {
        EXPECT_FALSE(f.mend.empty()) << f.id;
      }
    }
    EXPECT_FALSE(guests_can_run(findings));
  }
}

TEST(Device, NodeMissingThoughTheKernelHasKvm) {
  for (const Arch arch : architectures) {
    FakeProbe host(arch);
    host.close_kvm(ENOENT);
    expect(examine(host, "kvm-device"), State::broken, "there is no /dev/kvm",
           "only its device node", "mknod /dev/kvm c 10 232");
  }
}

TEST(Device, WithoutProcTheCauseIsAGuess) {
  FakeProbe host(Arch::aarch64);
  host.close_kvm(ENOENT);
  host.files.clear();
  host.log.reset();
  expect(examine(host, "kvm-device"), State::broken, "there is no /dev/kvm", "can only be guessed",
         "EL2");
}

TEST(Device, NotInTheGroup) {
  FakeProbe host(Arch::riscv64);
  host.report.open_error = EACCES;
  host.user_ = {1000, {1000, 27}};
  expect(examine(host, "kvm-device"), State::broken, "no permission to open /dev/kvm",
         "it belongs to root:kvm, mode 0660, and you (uid 1000) are not in the group kvm",
         "usermod -a -G kvm");
}

TEST(Device, OnlyRootMay) {
  FakeProbe host(Arch::riscv64);
  host.report.open_error = EACCES;
  host.nodes["/dev/kvm"].mode = S_IFCHR | 0600;
  host.user_ = {1000, {1000}};
  expect(examine(host, "kvm-device"), State::broken, "no permission", "only its owner may",
         "chgrp kvm");
}

TEST(Device, SecurityModuleForbidsWhatTheModeAllows) {
  FakeProbe host(Arch::aarch64);
  host.report.open_error = EACCES;
  host.user_ = {1000, {1000, 104}};
  expect(examine(host, "kvm-device"), State::broken, "no permission", "security module",
         "avc: denied");
  host.user_ = {0, {0}};
  host.report.open_error = EPERM;
  expect(examine(host, "kvm-device"), State::broken, "no permission", "device cgroup",
         "docker run --device");
}

TEST(Device, OtherDevicesAndVersions) {
  FakeProbe host(Arch::x86_64);
  host.report.api_version = -ENOTTY;
  expect(examine(host, "kvm-device"), State::broken, "is not KVM's device", "", "mknod");
  host.report.api_version = 11;
  expect(examine(host, "kvm-device"), State::broken, "version 11", "", "another kernel");
  host.report.open_error = EIO;
  expect(examine(host, "kvm-device"), State::broken, "Input/output error", "", "dmesg");
}

TEST(Device, VmRefused) {
  FakeProbe host(Arch::x86_64);
  host.report.create_vm_error = EBUSY;
  expect(examine(host, "create-vm"), State::broken, "makes no VM", "another hypervisor",
         "VirtualBox");
  host.report.create_vm_error = ENOMEM;
  expect(examine(host, "create-vm"), State::broken, "makes no VM", "memory", "memory.max");
  host.report.create_vm_error = EPERM;
  expect(examine(host, "create-vm"), State::broken, "makes no VM", "security module",
         "avc: denied");
  FakeProbe power(Arch::powerpc);
  power.report.create_vm_error = EINVAL;
  expect(examine(power, "create-vm"), State::broken, "makes no VM", "another kind of PowerPC",
         "CONFIG_KVM_E500V2");
}

TEST(Aarch64, StartedAtEl1) {
  FakeProbe host(Arch::aarch64);
  host.close_kvm(ENOENT);
  host.files["/proc/misc"] = "";
  host.log = {"CPU: All CPU(s) started at EL1", "kvm [1]: HYP mode not available"};
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm",
         "firmware started the kernel at EL1", "CONFIG_ARMV8_SWITCH_TO_EL1");
  host.files["/proc/device-tree/compatible"] = std::string("linux,dummy-virt\0", 17);
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "another hypervisor has EL2",
         "virtualization=on");
}

TEST(Aarch64, SwitchedOffOnTheCommandLine) {
  FakeProbe host(Arch::aarch64);
  host.close_kvm(ENOENT);
  host.files["/proc/misc"] = "";
  host.files["/proc/cmdline"] = "kvm-arm.mode=nvhe quiet kvm-arm.mode=none\n";
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "kvm-arm.mode=none",
         "boot loader");
}

TEST(Aarch64, ModesByTheKernelsWords) {
  FakeProbe host(Arch::aarch64);
  host.log = {"kvm [1]: VHE mode initialized successfully"};
  expect(examine(host, "hyp-mode"), State::fine, "EL2 with VHE", "", "");
  for (const char* words : {"kvm [1]: Hyp mode initialized successfully",
                            "kvm [1]: nVHE mode initialized "
                            "successfully"}) {
    host.log = {words};
    expect(examine(host, "hyp-mode"), State::fine, "without VHE", "", "");
  }
  host.log = {"kvm [1]: Protected nVHE mode initialized successfully"};
  expect(examine(host, "hyp-mode"), State::limited, "protected KVM", "no GICv2",
         "kvm-arm.mode=nvhe");
  host.log.reset();
  expect(examine(host, "hyp-mode"), State::fine, "only the kernel's log would tell", "", "");
}

TEST(Aarch64, ProtectedModeRefusesGicv2) {
  FakeProbe host(Arch::aarch64);
  host.files["/proc/cmdline"] = "kvm-arm.mode=protected\n";
  host.set_controller("gicv2", ENODEV);
  expect(examine(host, "gicv2"), State::absent, "no virtual GICv2",
         "not supported in protected mode", "without kvm-arm.mode=protected");
  host.files["/proc/cmdline"] = "quiet\n";
  expect(examine(host, "gicv2"), State::absent, "no virtual GICv2",
         "no GICv2 compatibility interface", "--irqchip gicv3");
}

TEST(Aarch64, NoVirtualGic) {
  FakeProbe host(Arch::aarch64);
  host.set_controller("gicv3", ENODEV);
  host.set_controller("gicv2", ENODEV);
  expect(examine(host, "vgic"), State::limited, "neither GICv3 nor GICv2",
         "emulates a GICv2 instead", "arm,gic-v3.yaml");
  for (const char* chip : {"gicv3", "gicv2"})
    expect(examine(host, chip), State::absent, "no virtual GICv", "at all",
           "use --irqchip user or auto");
  EXPECT_TRUE(guests_can_run(examine(host)));
  host.set_capability("KVM_CAP_ARM_USER_IRQ", 0);
  expect(examine(host, "vgic"), State::broken, "and cannot do without one (KVM_CAP_ARM_USER_IRQ)",
         "maintenance interrupt", "arm,gic-v3.yaml");
  expect(examine(host, "user-irqchip"), State::absent, "KVM_CAP_ARM_USER_IRQ", "4.12",
         "--irqchip gicv3");
  host.log = {"GICv3: GICv2 compatibility disabled"};
  expect(examine(host, "vgic"), State::broken, "neither", "the kernel says \"GICv3", "");
  EXPECT_FALSE(guests_can_run(examine(host)));
  host.set_controller("gicv2", 0);
  expect(examine(host, "vgic"), State::fine, "at most 8 CPUs", "", "");
  expect(examine(host, "gicv3"), State::absent, "no virtual GICv3", "version 2", "--irqchip gicv2");
}

TEST(Aarch64, NarrowAddressesAndNoSyndrome) {
  FakeProbe host(Arch::aarch64);
  host.set_capability("KVM_CAP_ARM_VM_IPA_SIZE", 36);
  expect(examine(host, "ipa-size"), State::limited, "36 address bits", "63 GiB", "");
  host.set_capability("KVM_CAP_ARM_NISV_TO_USER", 0);
  expect(examine(host, "nisv"), State::limited, "KVM_CAP_ARM_NISV_TO_USER", "no valid syndrome",
         "5.5");
  host.set_capability("KVM_CAP_ARM_SVE", 1);
  expect(examine(host, "cpu-features"), State::fine, "could give guests: SVE; not: PMU", "", "");
}

TEST(Riscv64, NoHypervisorExtension) {
  FakeProbe host(Arch::riscv64);
  host.close_kvm(ENOENT);
  host.files["/proc/misc"] = "";
  host.files["/proc/cpuinfo"] = "isa\t: rv64imafdc_zicsr_zicbom_zihpm\n";
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm",
         "no hypervisor extension (H): its ISA is", "-cpu rv64,h=true");
  host.files["/proc/cpuinfo"] = "isa\t: rv64imafdch\n";
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "module kvm is not loaded",
         "modprobe kvm");
  host.log = {"kvm [1]: require SBI v0.2 or higher"};
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "firmware is too old",
         "OpenSBI");
}

TEST(Riscv64, WhatGuestsGet) {
  FakeProbe host(Arch::riscv64);
  host.set_controller("aia", ENODEV);
  expect(examine(host, "aia"), State::limited, "no AIA", "PLIC", "--irqchip plic");
  host.set_fact("isa sstc", 0);
  host.set_fact("timebase", 10'000'000);
  expect(examine(host, "timer"), State::limited, "no Sstc for guests, timebase 10000000 Hz",
         "SBI call", "");
  expect(examine(host, "isa"), State::fine, "guests have: i m a", "", "");
  expect(examine(host, "sbi"), State::fine, "DBCN", "", "");
  host.report.facts = {{"sbi TIME", 1}};
  expect(examine(host, "sbi"), State::limited, "TIME", "earlycon=sbi", "device tree");
}

TEST(Powerpc, WithoutMpicOrForAnotherCore) {
  FakeProbe host(Arch::powerpc);
  host.set_capability("KVM_CAP_IRQ_MPIC", 0);
  expect(examine(host, "mpic"), State::broken, "(MPIC)", "CONFIG_KVM_MPIC", "CONFIG_KVM_MPIC=y");
  host.set_capability("KVM_CAP_IRQ_MPIC", 1);
  host.set_capability("KVM_CAP_IRQ_ROUTING", 0);
  expect(examine(host, "mpic"), State::broken, "KVM_CAP_IRQ_ROUTING", "3.10", "3.10");
  host.set_capability("KVM_CAP_SW_TLB", 0);
  expect(examine(host, "book3e"), State::broken, "not one for Book3E", "Book3S",
         "CONFIG_KVM_E500MC");
  host.close_kvm(ENODEV);
  host.files["/proc/misc"] = "";
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "e500v2",
         "CONFIG_KVM_E500V2=y");
  host.files["/proc/cpuinfo"] = "cpu\t\t: e5500\n";
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "hypervisor mode",
         "CONFIG_KVM_E500MC=y");
  expect(examine(host, "timebase"), State::broken, "timebase", "/proc", "mount");
}

TEST(X86, NoVirtualization) {
  FakeProbe host(Arch::x86_64);
  host.close_kvm(ENOENT);
  host.files["/proc/misc"] = "";
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm",
         "module kvm_intel is not loaded", "modprobe kvm_intel");
  host.files["/proc/cpuinfo"] = "flags\t\t: fpu svm\n";
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "kvm_amd", "modprobe kvm_amd");
  host.files["/proc/cpuinfo"] = "flags\t\t: fpu hypervisor\n";
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "this machine is a virtual one",
         "nested virtualization");
  host.files["/proc/cpuinfo"] = "flags\t\t: fpu\n";
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "neither VMX nor SVM", "VT-x");
  host.log = {"kvm: disabled by bios"};
  expect(examine(host, "kvm-device"), State::broken, "no /dev/kvm", "firmware has switched",
         "VT-x");
}

TEST(X86, SlowerKinds) {
  FakeProbe host(Arch::x86_64);
  host.files["/sys/module/kvm_intel/parameters/ept"] = "N\n";
  expect(examine(host, "second-level"), State::limited, "EPT is off", "shadow page tables",
         "ept=1");
  host.files["/sys/module/kvm_intel/parameters/unrestricted_guest"] = "N\n";
  expect(examine(host, "unrestricted"), State::limited, "no unrestricted guests", "real mode",
         "kvm_intel");
  host.files["/sys/devices/system/clocksource/clocksource0/current_clocksource"] = "hpet\n";
  expect(examine(host, "tsc"), State::limited, "hpet", "does not trust its TSC", "dmesg");
  host.set_fact("hypervisor", 1);
  expect(examine(host, "virtualization"), State::fine, "Intel VMX, given to this machine", "", "");
  host.set_fact("vmx", 0);
  expect(examine(host, "virtualization"), State::limited, "KVM-PVM", "emulated", "lab/lab");
  host.set_capability("KVM_CAP_IRQCHIP", 0);
  expect(examine(host, "irqchip"), State::broken, "no interrupt controllers", "CONFIG_KVM_IOAPIC",
         "");
}

TEST(Trial, EachWayOfFailing) {
  FakeProbe host(Arch::aarch64);
  host.report.trial = {.attempted = true, .reached = "run", .failure = "KVM_RUN says no"};
  expect(examine(host, "four-instructions"), State::broken, "does not run (run)", "KVM_RUN says no",
         "selftest");
  host.report.trial = {.attempted = true, .hung = true, .reached = "run"};
  expect(examine(host, "four-instructions"), State::broken, "does not run", "no answer within 10 s",
         "dmesg");
  host.report.trial = {.attempted = true, .killed_by = 11, .reached = "CPU"};
  expect(examine(host, "four-instructions"), State::broken, "(CPU)", "signal 11", "dmesg");
  host.report.trial = {.attempted = true, .reached = "memory", .failure = "no"};
  expect(examine(host, "four-instructions"), State::broken, "(memory)", "no", "ulimit -v");
  FakeProbe power(Arch::powerpc);
  power.report.trial = {.attempted = true, .hung = true, .reached = "run"};
  expect(examine(power, "four-instructions"), State::broken, "", "", "two fixes");
}

// A ring that is merely closed harms the process there.
TEST(Resources, AreTriedButForIoUringOnPowerpc) {
  for (const Arch arch : architectures) {
    const FakeProbe host(arch);
    (void)examine(host);
    EXPECT_TRUE(host.asked.contains(Feature::seccomp)) << name(arch);
    EXPECT_EQ(host.asked.contains(Feature::io_uring), arch != Arch::powerpc) << name(arch);
  }
}

TEST(Abilities, MissingOnesCost) {
  FakeProbe host(Arch::x86_64);
  host.set_capability("KVM_CAP_IOEVENTFD", 0);
  expect(examine(host, "doorbells"), State::limited, "KVM_CAP_IOEVENTFD", "stops the guest's CPU",
         "kernel");
  host.set_capability("KVM_CAP_COALESCED_PIO", 0);
  expect(examine(host, "collected-writes"), State::limited, "KVM_CAP_COALESCED_PIO",
         "each character", "");
  host.set_capability("KVM_CAP_SET_GUEST_DEBUG", 0);
  expect(examine(host, "guest-debug"), State::limited, "KVM_CAP_SET_GUEST_DEBUG", "breakpoints",
         "");
  host.set_capability("KVM_CAP_IRQFD", 0);
  host.set_capability("KVM_CAP_IRQ_ROUTING", 0);
  expect(examine(host, "irqfd"), State::absent, "irqfd", "not use", "");
}

TEST(Resources, SmallHosts) {
  FakeProbe host(Arch::riscv64);
  host.features = {{Feature::eventfd, ENOSYS}, {Feature::timerfd, ENOSYS}};
  expect(examine(host, "kernel-interfaces"), State::broken, "lacks CONFIG_EVENTFD, CONFIG_TIMERFD",
         "waits", "CONFIG_EVENTFD");
  host.features = {{Feature::seccomp, EINVAL}};
  expect(examine(host, "sandbox"), State::limited, "no seccomp", "any system call",
         "CONFIG_SECCOMP_FILTER");
  host.features = {
      {Feature::landlock, ENOSYS}, {Feature::io_uring, EPERM}, {Feature::userfaultfd, ENOSYS}};
  expect(examine(host, "sandbox"), State::limited, "no Landlock", "", "CONFIG_SECURITY_LANDLOCK");
  expect(examine(host, "io-uring"), State::limited, "no io_uring", "thread", "io_uring_disabled");
  expect(examine(host, "userfaultfd"), State::absent, "no userfaultfd", "", "");
  host.memory_ = {64_MiB, 20_MiB};
  expect(examine(host, "memory"), State::limited, "20 MiB of 64 MiB", "256 MiB", "--mem 16M");
  host.limits[2] = 32_MiB;
  expect(examine(host, "memory"), State::limited, "32 MiB of address space", "", "ulimit -v");
  host.limits[1] = 16;
  expect(examine(host, "open-files"), State::limited, "16 files", "", "ulimit -n");
  host.user_ = {1000, {1000}};
  host.limits[0] = 16_KiB;
  expect(examine(host, "memlock"), State::limited, "16 KiB", "io_uring", "ulimit -l");
  host.files["/sys/kernel/mm/transparent_hugepage/enabled"] = "always madvise [never]\n";
  expect(examine(host, "huge-pages"), State::limited, "no transparent huge pages", "small pages",
         "echo madvise");
  host.nodes.clear();
  expect(examine(host, "file-systems"), State::limited, "/proc and /sys are not mounted", "",
         "mount");
  expect(examine(host, "tun"), State::absent, "no /dev/net/tun", "CONFIG_TUN", "");
  host.log.reset();
  expect(examine(host, "kernel-log"), State::absent, "may not be read", "dmesg_restrict", "root");
}

TEST(Explain, TheNamedCheckThenWhatIsBroken) {
  FakeProbe host(Arch::aarch64);
  host.report.open_error = EACCES;
  host.user_ = {1000, {1000}};
  Error error =
      explain(host, {Error::Kind::host, "no permission to open /dev/kvm", "x", "kvm-device"});
  EXPECT_EQ(error.message, "no permission to open /dev/kvm");
  EXPECT_TRUE(contains(error.hint, "not in the group kvm")) << error.hint;
  EXPECT_TRUE(contains(error.hint, "usermod")) << error.hint;

  FakeProbe no_gic(Arch::aarch64);
  no_gic.set_controller("gicv3", ENODEV);
  no_gic.set_capability("KVM_CAP_ARM_USER_IRQ", 0);
  error = explain(no_gic, {Error::Kind::host, "KVM refused something: ENODEV", "", {}});
  EXPECT_TRUE(contains(error.message, "neither GICv3 nor GICv2")) << error.message;
}

TEST(Explain, ALimitExplainsWhatItMadeFail) {
  FakeProbe host(Arch::aarch64);
  host.limits[static_cast<usize>(Limit::address_space)] = 195_MiB;
  const Error failed = fail_errno("cannot reserve 512 MiB", ENOMEM, "give less memory").error();
  const Error error = explain(host, failed);
  EXPECT_TRUE(contains(error.message, "195 MiB of address space")) << error.message;
  EXPECT_TRUE(contains(error.hint, "ulimit -v unlimited")) << error.hint;
  EXPECT_EQ(explain(FakeProbe(Arch::aarch64), failed).hint, "give less memory");
  EXPECT_TRUE(contains(fail_errno("--timeline", ENOSPC).error().hint, "no room is left"));
}

TEST(Explain, WhatNoCheckExplainsStays) {
  const FakeProbe host(Arch::aarch64);
  const Error plain{Error::Kind::host, "KVM refused x", "try y", {}};
  EXPECT_EQ(explain(host, plain).message, "KVM refused x");
  EXPECT_EQ(explain(host, plain).hint, "try y");
  FakeProbe broken_host(Arch::aarch64);
  broken_host.close_kvm(ENOENT);
  EXPECT_EQ(explain(broken_host, {Error::Kind::image, "bad kernel", "", {}}).message, "bad kernel");
  EXPECT_EQ(explain(host, {Error::Kind::host, "gone", "", "kvm-device"}).message, "gone");
}

TEST(Report, MarksDetailsAndCount) {
  FakeProbe host(Arch::aarch64);
  host.set_controller("gicv3", ENODEV);
  host.set_capability("KVM_CAP_ARM_USER_IRQ", 0);
  host.log = {"kvm [1]: IPA Size Limit: 44 bits"};
  const auto findings = examine(host);
  const std::string report = text_report(host, findings);
  EXPECT_TRUE(contains(report, "BAD   vgic")) << report;
  EXPECT_TRUE(contains(report, "why: ")) << report;
  EXPECT_TRUE(contains(report, "mend: ")) << report;
  EXPECT_TRUE(contains(report, "  kvm [1]: IPA Size Limit: 44 bits\n")) << report;
  EXPECT_TRUE(contains(report, "No guest can run here: ")) << report;
  for (usize at = 0; at < report.size();) {
    const usize end = report.find('\n', at);
    EXPECT_LE(end - at, 100u) << report.substr(at, end - at);
    at = end + 1;
  }
  const std::string json = json_report(host, findings);
  EXPECT_TRUE(contains(json, "\"guests_can_run\":false")) << json;
  EXPECT_TRUE(contains(json, "{\"id\":\"vgic\",\"state\":\"broken\"")) << json;
  EXPECT_TRUE(contains(json, "\"KVM_CAP_IOEVENTFD\":1")) << json;
}

TEST(KernelLog, KeepsWhatIsAboutVirtualization) {
  const auto lines = lines_on_virtualization(
      "<6>[    0.000000] Booting Linux\n<6>[    0.100000] CPU: All CPU(s) started at EL2\n"
      "[    0.2] kvm [1]: IPA Size Limit: 40 bits\nplain KVM line\n[  9.1] plain KVM line\n");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "CPU: All CPU(s) started at EL2");
  EXPECT_EQ(lines[1], "kvm [1]: IPA Size Limit: 40 bits");
  EXPECT_EQ(lines[2], "plain KVM line");
}

TEST(Words, FieldsAndParameters) {
  EXPECT_EQ(field("a : 1\nab\t: two words\n", "ab"), "two words");
  EXPECT_EQ(field("abc\n", "a"), "");
  EXPECT_TRUE(has_word("232 kvm\n", "kvm"));
  EXPECT_FALSE(has_word("kvmalloc xkvm", "kvm"));
  FakeProbe host(Arch::x86_64);
  host.files["/proc/cmdline"] = "a=1 ab=2 a=3";
  EXPECT_EQ(boot_parameter(host, "a"), "3");
  EXPECT_EQ(boot_parameter(host, "b"), std::nullopt);
  EXPECT_EQ(group_name(host, 104), "kvm");
  EXPECT_EQ(group_name(host, 7), "7");
}

TEST(LiveProbe, AnswersOnThisMachine) {
  const LiveProbe host(KvmReport{.open_error = ENOENT});
  EXPECT_EQ(host.feature(Feature::epoll), 0);
  EXPECT_EQ(host.node("/nonexistent").error, ENOENT);
  EXPECT_EQ(host.read("/nonexistent"), std::nullopt);
  EXPECT_GT(host.memory().total, 0u);
  EXPECT_FALSE(host.system().release.empty());
  EXPECT_FALSE(guests_can_run(examine(host)));
}

}  // namespace
}  // namespace pv::doctor
