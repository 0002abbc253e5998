// Kernel configurations: made-up ones, and the fragments of kernel/ from which the lab's are built.
#include "doctor/kernel_config.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <zlib.h>

#include <algorithm>

#include "base/fd.h"
#include "base/text.h"
#include "boot/test_images.h"

namespace pv::doctor {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

boot::KernelConfig config(std::string text) {
  auto made = boot::KernelConfig::from_text(std::move(text));
  EXPECT_TRUE(made);
  return *std::move(made);
}

const OptionFinding& find(const std::vector<OptionFinding>& findings, std::string_view name) {
  const auto at =
      std::ranges::find_if(findings, [&](const auto& f) { return f.option.name == name; });
  EXPECT_NE(at, findings.end()) << name;
  return *at;
}

bool complete(const std::vector<OptionFinding>& findings) {
  return std::ranges::none_of(findings, [](const auto& f) { return f.state == State::broken; });
}

std::string fragment(const char* name) {
  auto fd = open_file(text("{}/kernel/{}", PV_SOURCE_DIR, name), O_RDONLY);
  if (!fd) {
    ADD_FAILURE() << fd.error().message;
    return {};
  }
  std::string content(*file_size(fd->get()), '\0');
  EXPECT_TRUE(read_fully(fd->get(), {reinterpret_cast<u8*>(content.data()), content.size()}));
  return content + "\n";
}

Fd file_of(std::string_view content) {
  Fd fd(::memfd_create("config", MFD_CLOEXEC));
  EXPECT_TRUE(write_fully(fd.get(), bytes_of(content)));
  return fd;
}

std::string gzip(std::string_view plain) {
  std::string out(plain.size() + 256, '\0');
  z_stream z{};
  EXPECT_EQ(::deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  ::deflateEnd(&z);
  return out;
}

// A RISC-V Image with `content` in it.
Fd image_of(std::string_view content) {
  boot::test::Blob image = boot::test::riscv_image(2_MiB, 1_MiB, 8192);
  image.insert(image.end(), content.begin(), content.end());
  image.resize(image.size() + 100);
  return boot::test::file_with(image);
}

TEST(KernelOptions, EachOnceWithTexts) {
  for (const Arch arch : {Arch::aarch64, Arch::riscv64, Arch::powerpc, Arch::x86_64})
    for (const Role role : {Role::host, Role::guest}) {
      const auto options = kernel_options(arch, role);
      for (const KernelOption& option : options) {
        EXPECT_EQ(
            std::ranges::count_if(
                options, [&](const auto& o) { return std::string_view(o.name) == option.name; }),
            1)
            << option.name;
        EXPECT_FALSE(std::string_view(option.gives).empty()) << option.name;
        EXPECT_FALSE(std::string_view(option.without).empty()) << option.name;
        EXPECT_FALSE(std::string_view(option.name).starts_with("CONFIG_")) << option.name;
      }
    }
}

// liuyq's guide to Android's virtualization lists these sixteen as if each were to be switched on.
TEST(KernelOptions, KnowsTheListOfAndroidsGuide) {
  const auto options = kernel_options(Arch::aarch64, Role::host);
  usize by_hand = 0;
  for (const char* name :
       {"HAVE_KVM", "HAVE_KVM_IRQCHIP", "HAVE_KVM_IRQFD", "HAVE_KVM_IRQ_ROUTING",
        "HAVE_KVM_EVENTFD", "KVM_MMIO", "HAVE_KVM_MSI", "HAVE_KVM_CPU_RELAX_INTERCEPT", "KVM_VFIO",
        "HAVE_KVM_ARCH_TLB_FLUSH_ALL", "KVM_GENERIC_DIRTYLOG_READ_PROTECT", "HAVE_KVM_IRQ_BYPASS",
        "HAVE_KVM_VCPU_RUN_PID_CHANGE", "KVM_XFER_TO_GUEST_WORK", "KVM", "PTP_1588_CLOCK_KVM"}) {
    const auto at = std::ranges::find_if(
        options, [&](const auto& o) { return std::string_view(o.name) == name; });
    ASSERT_NE(at, options.end()) << name;
    by_hand += std::string_view(at->selected_by).empty();
  }
  EXPECT_EQ(by_hand, 2u);  // KVM and PTP_1588_CLOCK_KVM
}

TEST(KernelConfig, SelectedOptionsAreSaidToBe) {
  const auto findings =
      examine(config("CONFIG_KVM=y\nCONFIG_KVM_MMIO=y\n"), Arch::aarch64, Role::host);
  EXPECT_EQ(find(findings, "KVM_MMIO").state, State::fine);
  EXPECT_TRUE(contains(find(findings, "KVM_MMIO").words, "selected by KVM, not by hand"));
  // Missing, it breaks nothing by itself: newer kernels have some no longer.
  EXPECT_EQ(find(findings, "HAVE_KVM").state, State::absent);
  EXPECT_TRUE(contains(find(findings, "HAVE_KVM").words, "selected by the architecture"));
}

TEST(KernelConfig, MissingOnesAreWeighed) {
  const auto findings = examine(config("CONFIG_EVENTFD=y\n# CONFIG_KVM is not set\nCONFIG_TUN=m\n"),
                                Arch::aarch64, Role::host);
  EXPECT_EQ(find(findings, "KVM").state, State::broken);
  EXPECT_TRUE(contains(find(findings, "KVM").words, "without it: there is no /dev/kvm"));
  EXPECT_EQ(find(findings, "SECCOMP_FILTER").state, State::limited);
  EXPECT_EQ(find(findings, "VFIO").state, State::absent);
  EXPECT_EQ(find(findings, "TUN").state, State::fine);
  EXPECT_EQ(find(findings, "TUN").value, "m");
  EXPECT_FALSE(complete(findings));
}

TEST(KernelConfig, OneOfTwoIsEnough) {
  EXPECT_EQ(find(examine(config("CONFIG_KVM_PVM=y\n"), Arch::x86_64, Role::host),
                 "KVM_INTEL|KVM_AMD|KVM_PVM")
                .state,
            State::fine);
  EXPECT_EQ(find(examine(config("CONFIG_KVM_AMD=m\n"), Arch::x86_64, Role::host),
                 "KVM_INTEL|KVM_AMD|KVM_PVM")
                .state,
            State::fine);
  EXPECT_EQ(
      find(examine(config("CONFIG_KVM=m\n"), Arch::x86_64, Role::host), "KVM_INTEL|KVM_AMD|KVM_PVM")
          .state,
      State::broken);
  EXPECT_EQ(find(examine(config("CONFIG_KVM_E500MC=y\n"), Arch::powerpc, Role::host),
                 "KVM_E500V2|KVM_E500MC")
                .state,
            State::fine);
}

TEST(KernelConfig, AModuleComesTooLateForTheConsole) {
  const auto findings = examine(config("CONFIG_SERIAL_AMBA_PL011_CONSOLE=m\nCONFIG_VIRTIO_BLK=m\n"),
                                Arch::aarch64, Role::guest);
  EXPECT_EQ(find(findings, "SERIAL_AMBA_PL011_CONSOLE").state, State::limited);
  EXPECT_TRUE(contains(find(findings, "SERIAL_AMBA_PL011_CONSOLE").words, "until it is loaded"));
  EXPECT_EQ(find(findings, "VIRTIO_BLK").state, State::fine);
}

TEST(KernelConfig, TheLabsOwnKernelsAreComplete) {
  struct Pair {
    Arch arch;
    std::string guest, host;
  };
  const Pair pairs[] = {
      {Arch::aarch64, fragment("aarch64/guest.config"), fragment("aarch64/host.config")},
      {Arch::riscv64, fragment("riscv64/guest.config"), fragment("riscv64/host.config")},
      {Arch::x86_64, fragment("x86_64/guest.config"), fragment("x86_64/host.config")},
      {Arch::powerpc, fragment("powerpc/guest.config") + fragment("e500v2/guest.config"),
       fragment("powerpc/host.config") + fragment("e500v2/host.config")},
      {Arch::powerpc, fragment("powerpc/guest.config") + fragment("e5500/guest.config"),
       fragment("powerpc/host.config") + fragment("e5500/host.config")},
  };
  for (const Pair& pair : pairs) {
    // A fragment does not name what is selected or on by default.
    for (const auto& f : examine(config(pair.guest + pair.host), pair.arch, Role::host))
      EXPECT_TRUE(f.state != State::broken || contains("FUTEX", f.option.name)) << f.option.name;
    for (const auto& f : examine(config(pair.guest), pair.arch, Role::guest))
      EXPECT_TRUE(f.state != State::broken || !std::string_view(f.option.selected_by).empty() ||
                  contains("MPIC RISCV_SBI X86_LOCAL_APIC SIFIVE_PLIC", f.option.name))
          << f.option.name;
    EXPECT_FALSE(complete(examine(config(pair.guest), pair.arch, Role::host)));
  }
}

TEST(KernelConfig, ArchitectureByHeadingOrOption) {
  EXPECT_EQ(architecture_of(config("#\n# Linux/arm64 6.1.0 Kernel Configuration\n#\nCONFIG_X=y\n")),
            Arch::aarch64);
  EXPECT_EQ(architecture_of(config("CONFIG_RISCV=y\n")), Arch::riscv64);
  EXPECT_EQ(architecture_of(config("CONFIG_PPC=y\n")), Arch::powerpc);
  EXPECT_EQ(architecture_of(config("CONFIG_X86_64=y\n")), Arch::x86_64);
  EXPECT_EQ(architecture_of(config("CONFIG_FOO=y\n")), std::nullopt);
}

TEST(ReadKernelConfig, TextGzipAndImage) {
  const std::string plain = "#\n# Linux/riscv 6.12.1 Kernel Configuration\n#\nCONFIG_KVM=m\n";
  const Fd text_file = file_of(plain);
  auto found = read_kernel_config(text_file.get(), "a");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->where, "a .config");
  EXPECT_TRUE(found->config.module("KVM"));

  const Fd packed = file_of(gzip(plain));
  found = read_kernel_config(packed.get(), "b");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->where, "a compressed .config");

  const std::string around = "Linux version 6.12.1 (x@y)\n";
  const Fd kernel = image_of(around + "IKCFG_ST" + gzip(plain) + "IKCFG_ED");
  found = read_kernel_config(kernel.get(), "c");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->config.module("KVM"));
  EXPECT_FALSE(found->fragment);
}

TEST(ReadKernelConfig, ADamagedOneInsideIsNotAMissingOne) {
  const std::string around = "Linux version 6.12.1 (x@y)\n";
  const std::string packed = gzip("# Linux/riscv 6.12.1 Kernel Configuration\nCONFIG_KVM=m\n");
  std::string changed = packed;
  changed[packed.size() / 2] = static_cast<char>(changed[packed.size() / 2] ^ 0x55);
  for (const std::string& inside : {packed.substr(0, packed.size() / 2), changed, std::string()}) {
    const Fd kernel = image_of(around + "IKCFG_ST" + inside + "IKCFG_ED");
    const auto found = read_kernel_config(kernel.get(), "c");
    ASSERT_FALSE(found);
    EXPECT_TRUE(contains(found.error().message, "is inside but damaged")) << found.error().message;
  }
  const Fd without = image_of(around);
  EXPECT_TRUE(contains(read_kernel_config(without.get(), "c").error().message, "is not inside"));
}

TEST(ReadKernelConfig, ACompressedOneThatIsCutOffIsSaidToBe) {
  std::string plain = "#\n# Linux/arm64 6.1.0 Kernel Configuration\n#\n";
  for (int i = 0; i < 20'000; ++i) plain += text("CONFIG_OPTION_{}=y\n", i * 7919);
  const std::string whole = gzip(plain);
  const Fd fd = file_of(std::string_view(whole).substr(0, whole.size() / 2));
  const auto found = read_kernel_config(fd.get(), "config.gz");
  ASSERT_FALSE(found);
  EXPECT_TRUE(contains(found.error().message, "broken or cut off")) << found.error().message;
  EXPECT_TRUE(contains(found.error().hint, "copy it again")) << found.error().hint;
}

TEST(ReadKernelConfig, AFolderIsNoFile) {
  const Fd fd = *open_file("/", O_RDONLY);
  const auto found = read_kernel_config(fd.get(), "/");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Error::Kind::image);
  EXPECT_TRUE(contains(found.error().message, "directory")) << found.error().message;
}

TEST(ReadKernelConfig, AFragmentIsCalledOne) {
  const Fd file = file_of("# options that KVM wants\nCONFIG_VIRTUALIZATION=y\nCONFIG_KVM=y\n");
  const auto found = read_kernel_config(file.get(), "a");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->fragment);
  const auto findings = examine(found->config, Arch::aarch64, Role::host);
  const std::string report = text_report(*found, Arch::aarch64, Role::host, findings);
  EXPECT_TRUE(contains(report, "what looks like a fragment of a .config")) << report;
  EXPECT_TRUE(contains(report, "may be set all the same")) << report;
  EXPECT_TRUE(
      contains(json_report(*found, Arch::aarch64, Role::host, findings), "\"fragment\":true"));
}

TEST(ReadKernelConfig, WhatHasNone) {
  for (const std::string& content :
       {std::string(), std::string("hello\n"), std::string(4096, '\x01'), gzip("no configuration"),
        gzip("x").substr(0, 12)}) {
    const Fd fd = file_of(content);
    const auto found = read_kernel_config(fd.get(), "file");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, Error::Kind::image) << found.error().message;
    EXPECT_TRUE(found.error().message.starts_with("file: ")) << found.error().message;
  }
}

TEST(KernelConfigReport, SaysWhenTheConfigurationIsAnothersArchitecture) {
  const FoundConfig found{
      config("# Linux/x86 6.1.0 Kernel Configuration\nCONFIG_X86_64=y\n"), "a .config", {}, false};
  const auto asked = [&](Arch arch) {
    return text_report(found, arch, Role::host, examine(found.config, arch, Role::host));
  };
  EXPECT_TRUE(contains(asked(Arch::aarch64), "of a kernel for x86_64")) << asked(Arch::aarch64);
  EXPECT_FALSE(contains(asked(Arch::x86_64), "of a kernel for"));
}

TEST(KernelConfigReport, TextAndJson) {
  FoundConfig found{config("CONFIG_KVM=y\nCONFIG_NAME=\"a\\\"b\"\n"), "a .config", {}};
  const auto findings = examine(found.config, Arch::aarch64, Role::host);
  const std::string report = text_report(found, Arch::aarch64, Role::host, findings);
  EXPECT_TRUE(contains(report, "ok    KVM=y")) << report;
  EXPECT_TRUE(contains(report, "BAD   EVENTFD not set")) << report;
  EXPECT_TRUE(contains(report, "Not good for a host: ")) << report;
  const std::string json = json_report(found, Arch::aarch64, Role::host, findings);
  EXPECT_TRUE(contains(json, "\"complete\":false")) << json;
  EXPECT_TRUE(contains(json, "{\"name\":\"KVM\",\"value\":\"y\",\"state\":\"fine\"")) << json;
}

}  // namespace
}  // namespace pv::doctor
