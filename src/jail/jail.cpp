#include "jail/jail.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "jail/landlock.h"
#include "jail/violation.h"

namespace pv::jail {
namespace {

bool have_filters() {
  u32 action = SECCOMP_RET_TRAP;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

// Root's privileges go too. A process without any passes; a kernel without capabilities has none.
bool drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  return ::syscall(SYS_capset, &header, none) == 0 || errno == ENOSYS;
}

void name_loss(std::string& missing, const char* what) {
  missing += missing.empty() ? "the sandbox is weaker, the host kernel lacks " : ", ";
  missing += what;
}

}  // namespace

Result<Sealed> seal_process(const Options& options) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return fail_errno("cannot give up new privileges (PR_SET_NO_NEW_PRIVS)", errno);
  Sealed sealed;
  sealed.landlock_abi = landlock_abi();
  if (sealed.landlock_abi > 0)
    TRY(restrict_file_system(sealed.landlock_abi, options.unlink_in));
  else
    name_loss(sealed.missing, "Landlock (CONFIG_SECURITY_LANDLOCK and lsm=landlock)");
  if (!drop_capabilities()) return fail_errno("cannot give up root's capabilities", errno);
  sealed.filters = have_filters();
  if (sealed.filters)
    install_violation_handler(options.last_act);
  else
    name_loss(sealed.missing, "seccomp filters (CONFIG_SECCOMP_FILTER)");
  return sealed;
}

Result<void> enter(const Sealed& sealed, const Filter& filter) {
  if (!sealed.filters) return {};
  // A thread that blocks SIGSYS would die without a word.
  sigset_t violation;
  ::sigemptyset(&violation);
  ::sigaddset(&violation, SIGSYS);
  ::pthread_sigmask(SIG_UNBLOCK, &violation, nullptr);

  sock_filter code[max_program];
  std::ranges::copy(filter.code, code);
  for (u16 slot : filter.pid_slots) code[slot].k = static_cast<u32>(::getpid());
  sock_fprog program{static_cast<u16>(filter.code.size()), code};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
    return fail_errno("cannot install the system call filter (seccomp)", errno,
                      "run with --disable-sandbox to go on without it");
  return {};
}

}  // namespace pv::jail
