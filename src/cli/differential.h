// `polyvisor diagnose --differential`: starts a copy of a VM by its own command line, but with the
// registers zeroed that are unknown after reset, and diagnoses that one too. If it runs, such a
// register is the reason: the verdict is proven.
#pragma once

#include <string>
#include <string_view>

#include "cli/examine.h"

namespace pv::cli {

// What the copy did, in words. Errors (host): the VM's command line cannot be read, the copy cannot
// be started or examined (a disk that the VM is writing to cannot be opened twice).
Result<std::string> compare_with_copy(const control::Running& vm, const inspect::Report& original,
                                      const Examination& how);

// The last lines of what a copy that failed said on its standard error, for that report.
std::string last_lines(std::string_view said);

}  // namespace pv::cli
