// What this host's KVM really does for a debugger, found out by doing it: a scratch VM with one
// vCPU runs six instructions for each question. Capabilities and return values do not answer it:
// riscv64's Linux 6.12 accepts steps and breakpoints and ignores them, and emulated processors
// (QEMU's SVM and Book3E, KVM-PVM) miss parts (docs/decisions/debug-probing.md).
#pragma once

#include "kvm/host.h"

namespace pv::kvm {

// Before the process is sealed. What the host says that it can, less what it then does not do.
// A few milliseconds; each question is given up after half a second. Never fails: a host that
// refuses a scratch VM can do nothing.
hv::DebugLimits probe_debugging(const Host& host);

}  // namespace pv::kvm
