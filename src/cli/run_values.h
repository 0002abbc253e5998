// What stands behind the options of `run`: their values' spellings, ours and the words of kvmtool
// and crosvm for the same. Errors (usage) name the option and what can be written instead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "cli/parser.h"
#include "cli/run.h"
#include "config/vm_config.h"

namespace pv::cli {

// One of the names.
template <class E, usize n>
Result<void> choose(const Item& item, const config::Spelling<E> (&names)[n], E& into) {
  const auto found = config::parse_spelling(names, item.value);
  if (!found)
    return fail(Error::Kind::usage,
                text("--{}: \"{}\" is not known", item.option->name, item.value),
                text("choose one of {}", config::choices(names)));
  into = *found;
  return {};
}

// `given`: whether a kernel has been named before.
Result<void> set_kernel(std::string_view path, bool& given, std::string& kernel);
// Joined by a space.
void add_params(std::string_view value, std::string& params);
Result<void> set_cpus(std::string_view value, u32& cpus);
// FILE[,ro][,direct][,pci-address=ADDRESS]
Result<void> add_disk(std::string_view value, std::vector<config::Disk>& disks);
Result<void> set_console(const Item& item, config::Console& into);
Result<void> set_irqchip(Item item, config::IrqChip& into);
Result<void> set_kvmtool_transport(const Item& item, config::Transport& into);
// SECONDS[,action=report|stop]
Result<void> set_watchdog(const Item& item, config::VmConfig& config);
// "exits", "steps=FILE".
Result<void> set_trace(std::string_view value, config::Trace& into);
// "info", or crosvm's "info,disk=off": one level, and parts of which there are none here.
Result<void> set_log_level(std::string_view value, RunRequest& request);

}  // namespace pv::cli
