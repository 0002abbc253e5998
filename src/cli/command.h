// The commands as one table, and what each is handed. A command is a function in a file of its own;
// it returns the process's exit status.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "cli/exit_status.h"
#include "cli/option.h"
#include "cli/parser.h"
#include "cli/personality.h"

namespace pv::cli {

class Launcher;

// Where a command prints: descriptors, so that tests can read them.
struct Streams {
  int out = 1;
  int err = 2;
};

struct Context {
  Streams streams;
  Launcher& launcher;  // how `run` starts a VM
  Personality personality = Personality::polyvisor;
  // What stood before the command, as crosvm has it.
  std::string_view log_level = {};
};

struct Command {
  std::string_view name;
  std::string_view usage;    // after "polyvisor NAME"
  std::string_view summary;  // one line of the global help
  std::string_view description;
  std::span<const Option> options;
  int (*run)(const Command&, Arguments, const Context&);
};
std::span<const Command> commands();

// Prints and gives the exit status for it: "polyvisor: error: <message>." and "  hint: <hint>."
int report(const Streams& streams, const Error& error);
void print(int fd, std::string_view text);
// What a command was asked for, to standard output; success, or the status of an output that
// failed.
int print_and_succeed(const Context& context, std::string_view text);

// For commands that know no option but --help: true when the command has been dealt with, and then
// `status` is what to exit with.
bool finish_plain(const Command& command, Arguments arguments, const Context& context, int& status);

int run_command(const Command&, Arguments, const Context&);
int list_command(const Command&, Arguments, const Context&);
int stat_command(const Command&, Arguments, const Context&);
int stop_command(const Command&, Arguments, const Context&);
int pause_command(const Command&, Arguments, const Context&);
int resume_command(const Command&, Arguments, const Context&);
int diagnose_command(const Command&, Arguments, const Context&);
int inspect_command(const Command&, Arguments, const Context&);
int trace_command(const Command&, Arguments, const Context&);
int version_command(const Command&, Arguments, const Context&);
int selftest_command(const Command&, Arguments, const Context&);
int doctor_command(const Command&, Arguments, const Context&);
int help_command(const Command&, Arguments, const Context&);

}  // namespace pv::cli
