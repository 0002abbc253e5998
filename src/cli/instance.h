// What list, stat, stop, pause and resume have in common: choosing running VMs by NAME or -a and
// sending each the same request.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"
#include "control/client.h"

namespace pv::cli {

struct Selection {
  bool help = false;
  bool all = false;
  std::string name;  // when not all
};
// Errors (usage): neither a name nor -a, or both; two names.
Result<Selection> parse_selection(const Command& command, Arguments arguments);

// Sends `verb` to each selected VM and calls `done` with each answer. Reports every failure; the
// exit status is that of the last one.
using Done = void (*)(const Selection&, const control::Running&, const control::Reply&,
                      const Context&);
int for_each_selected(const Command& command, Arguments arguments, const Context& context,
                      control::Verb verb, Done done = nullptr);

// Reports that no VM of that name is running, and which are; the exit status for it.
int no_such_vm(const Context& context, const std::string& name,
               const std::vector<control::Running>& running);

}  // namespace pv::cli
