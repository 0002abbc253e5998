#include "jail/landlock.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/text.h"

namespace pv::jail {
namespace {

// The same numbers on every architecture; older headers lack the names.
constexpr long create_ruleset = 444, add_rule = 445, restrict_self = 446;
constexpr u32 ask_version = 1, rule_path_beneath = 1;
constexpr u64 remove_file = u64{1} << 5;

struct RulesetAttr {
  u64 file_system;  // rights that are refused unless a rule grants them
  u64 network;      // from ABI 4
  u64 scoped;       // from ABI 6
};
struct [[gnu::packed]] PathBeneath {
  u64 allowed;
  i32 parent;
};

// Bits 0 to n of the file system's rights by ABI version: 1 has 13, 2 adds linking across folders,
// 3 truncation, 5 ioctl on devices opened from now on.
constexpr u64 file_system_rights(int abi) {
  unsigned count = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
  return (u64{1} << count) - 1;
}
static_assert(file_system_rights(1) == 0x1fff && file_system_rights(7) == 0xffff);

}  // namespace

int landlock_abi() {
  long abi = ::syscall(create_ruleset, nullptr, 0, ask_version);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

Result<void> restrict_file_system(int abi, std::span<const int> unlink_in) {
  RulesetAttr attr{};
  attr.file_system = file_system_rights(abi);
  if (abi >= 4) attr.network = 3;  // binding and connecting TCP sockets
  if (abi >= 6) attr.scoped = 1;   // abstract Unix sockets of others
  usize size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  Fd ruleset(static_cast<int>(::syscall(create_ruleset, &attr, size, 0)));
  if (!ruleset.valid()) return fail_errno("cannot create a Landlock ruleset", errno);
  for (int folder : unlink_in) {
    PathBeneath rule{remove_file, folder};
    if (::syscall(add_rule, ruleset.get(), rule_path_beneath, &rule, 0) < 0)
      return fail_errno(text("Landlock cannot allow the folder of descriptor {}", folder), errno);
  }
  if (::syscall(restrict_self, ruleset.get(), 0) < 0)
    return fail_errno("cannot give up the file system (Landlock)", errno);
  return {};
}

}  // namespace pv::jail
