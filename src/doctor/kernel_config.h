// A kernel's configuration held against what a host or a guest of polyvisor's needs: `polyvisor
// doctor --kernel-config FILE [--guest] [--arch A]`. The options and their selections are those of
// Linux 6.1 and 6.12 (arch/*/kvm/Kconfig, virt/kvm/Kconfig).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/arch.h"
#include "base/result.h"
#include "boot/ikconfig.h"
#include "doctor/check.h"

namespace pv::doctor {

enum class Role : u8 { host, guest };

// What a missing option means: broken (nothing runs), limited, or absent (nobody misses it yet).
struct KernelOption {
  const char* name;         // without "CONFIG_"; alternatives are separated by '|'
  State missing;            //
  const char* gives;        // what it is for
  const char* without;      // what is lost without it
  const char* selected_by;  // options that bring it; empty: it is set by hand
  bool as_module = true;    // whether a module will do
};

// What is asked of a kernel, the most important options first.
std::vector<KernelOption> kernel_options(Arch arch, Role role);

struct OptionFinding {
  KernelOption option;
  std::string value;  // "y", "m", a number; empty: not set
  State state;
  std::string words;  // what it gives, what it costs, or who selects it
};

std::vector<OptionFinding> examine(const boot::KernelConfig& config, Arch arch, Role role);

// By its heading or by the option that every kernel of the architecture has.
std::optional<Arch> architecture_of(const boot::KernelConfig& config);

struct FoundConfig {
  boot::KernelConfig config;
  std::string where;         // "a .config", "the configuration inside an arm64 Linux Image"
  std::optional<Arch> arch;  // of the image
  bool fragment = false;     // it looks like a part of a .config
};
// A .config, config.gz, or a kernel image with its configuration inside, told by content. `fd` is
// read from its beginning; `name` begins every error. Errors (image): none of these; a kernel
// without CONFIG_IKCONFIG, or whose configuration is damaged.
Result<FoundConfig> read_kernel_config(int fd, const std::string& name);

std::string text_report(const FoundConfig& found, Arch arch, Role role,
                        std::span<const OptionFinding> findings);
std::string json_report(const FoundConfig& found, Arch arch, Role role,
                        std::span<const OptionFinding> findings);

}  // namespace pv::doctor
