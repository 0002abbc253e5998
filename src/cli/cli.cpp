#include "cli/cli.h"

#include "base/arch.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/help.h"
#include "cli/launch.h"
#include "cli/suggest.h"

namespace pv::cli {
namespace {

constexpr std::string_view instance_usage = "[NAME | -a]";

constexpr Command table[] = {
    {"run", "[KERNEL] [options]", "start a virtual machine",
     "Starts a virtual machine and connects its console to the terminal until the guest powers "
     "off. "
     "At a terminal Ctrl-a x leaves and Ctrl-a h lists the keys.",
     run_options, run_command},
    {"doctor", "[--json]", "check whether this host can run guests",
     "Checks this host: KVM, what its features need, memory, limits, the rest of the kernel. Each "
     "line says ok, less (works, but slower or with less), BAD (no guest can run until it is "
     "mended) or - (not there, not needed, or not known), with the cause and the remedy. A guest "
     "of "
     "four instructions is run. The exit status is 0 when guests can run here, else 1.",
     doctor_options, doctor_command},
    {"selftest", "[--json]", "run the guests inside polyvisor and report",
     "Does what doctor does, writes registers and reads them back, and runs the bare-metal guests "
     "that are inside this binary: boot contract, interrupts, timer, several CPUs, device "
     "accesses, memory. The report is made to be sent by the owner of a board. The exit status is "
     "0 when all of it passed, else 1.",
     selftest_options, selftest_command},
    {"list", "", "list the running virtual machines",
     "Lists the running virtual machines: process id, name and state.", plain_options,
     list_command},
    {"stat", instance_usage, "print a running VM's state and counters",
     "Prints a running VM's state and counters, one \"key value\" in each line.", instance_options,
     stat_command},
    {"stop", instance_usage, "end a running VM",
     "Ends a running VM and waits until it has ended. The guest is not asked: its unwritten data "
     "is lost.",
     instance_options, stop_command},
    {"pause", instance_usage, "halt a running VM's virtual CPUs",
     "Halts a running VM's virtual CPUs until it is resumed.", instance_options, pause_command},
    {"resume", instance_usage, "let a paused VM go on", "Lets a paused VM go on.", instance_options,
     resume_command},
    {"inspect", "IMAGE...", "explain a kernel file",
     "Says what each file is, what its headers mean, whether the machine can hold it and by which "
     "contract it would be started, and what is suspicious about it. Nothing is started; files of "
     "every architecture can be looked at on any host. The exit status is 105 when one of them "
     "would not start.",
     inspect_options, inspect_command},
    {"diagnose", "[NAME | --from-dump FILE]", "say why a guest hangs",
     "Looks at a running VM's CPUs a number of times and gives a verdict in words, with the "
     "evidence under it: an exception loop, a wait for an interrupt that nobody will raise, a "
     "register that was never written, idle and healthy, ... The guest is interrupted for each "
     "look, not changed. The exit status is 0 when nothing seems to be wrong and 1 otherwise.",
     diagnose_options, diagnose_command},
    {"trace", "print|count FILE... | diff A B", "print, count or compare traces",
     "Reads files that run --trace wrote, of any host. print shows one event in each line: time, "
     "virtual CPU, program counter, cause, address, width, value. count sums up by cause, device "
     "and "
     "program counter. diff holds two runs against each other without regard to time and shows "
     "where they part; its exit status is 1 when they differ.",
     trace_options, trace_command},
    {"version", "", "print the version", "Prints the version and the host's architecture.",
     plain_options, version_command},
    {"help", "[COMMAND]", "explain polyvisor or one command",
     "Explains polyvisor, or one of its commands.", plain_options, help_command},
};

// Commands of kvmtool and crosvm by the name of what does the same here, or why nothing does.
struct ForeignCommand {
  std::string_view name;
  std::string_view owner;
  std::string_view instead;
};
constexpr ForeignCommand foreign_commands[] = {
    {"suspend", "crosvm", "write polyvisor pause NAME"},
    {"sandbox", "kvmtool", "run the program as the initrd's init: --params rdinit=PROGRAM"},
    {"setup", "kvmtool", "no root file system is made; give one with run --disk or run --initrd"},
    {"debug", "kvmtool", "polyvisor stat NAME prints what is counted"},
    {"balloon", "kvmtool and crosvm", "there is no balloon device"},
    {"balloon_stats", "crosvm", "there is no balloon device"},
    {"resize", "crosvm", "a disk has the size that its file has at the start"},
    {"take", "crosvm", "there is no graphics device"},
    {"powerbtn", "crosvm", "polyvisor stop NAME ends the VM without asking the guest"},
    {"disk", "crosvm", "disks are given at the start: run --disk FILE"},
    {"snapshot", "crosvm", "there are no snapshots yet"},
    {"swap", "crosvm", "a guest's RAM can only be swapped by the host"},
    {"device", "crosvm", "every device is part of the one process"},
    {"create_qcow2", "crosvm", "qemu-img makes images; only raw ones are read yet"},
    {"create_composite", "crosvm", "only raw images are read yet"},
    {"vfio", "crosvm", "host devices cannot be handed to a guest yet"},
    {"usb", "crosvm", "host devices cannot be handed to a guest yet"},
    {"vsock", "crosvm", "there is no vsock device yet"},
};

std::unexpected<Error> unknown_command(std::string_view name) {
  for (const ForeignCommand& foreign : foreign_commands)
    if (foreign.name == name)
      return fail(Error::Kind::usage,
                  text("{} is a command of {} that polyvisor does not have", name, foreign.owner),
                  std::string(foreign.instead));
  Nearest nearest(name);
  for (const Command& command : table) nearest.offer(command.name);
  std::string hint = text("to start it as a kernel: polyvisor run {}", name);
  if (!nearest.found().empty())
    hint = text("did you mean {}?", nearest.found());
  else if (name.find_first_of("./") == std::string_view::npos)
    hint = "polyvisor --help lists the commands";
  return fail(Error::Kind::usage, text("unknown command \"{}\"", name), std::move(hint));
}

// An option instead of a command.
Result<int> global_option(const Item& item, const Context& context) {
  switch (item.option->id) {
    case Id::version: return version_command(table[0], {}, context);
    case Id::man: return print_and_succeed(context, man_page());
    case Id::completion:
      if (item.value != "bash")
        return fail(Error::Kind::usage,
                    text("--completion: \"{}\" is not a shell that is known", item.value),
                    "write --completion bash");
      return print_and_succeed(context, bash_completion());
    default: return print_and_succeed(context, help_text());
  }
}

}  // namespace

std::span<const Command> commands() { return table; }

void print(int fd, std::string_view words) {
  // Output that nobody reads is nobody's loss.
  constexpr int patience_ms = 1000;
  write_or_drop(fd, bytes_of(words), patience_ms);
}

int print_and_succeed(const Context& context, std::string_view words) {
  auto written = write_fully(context.streams.out, bytes_of(words));
  if (written) return to_int(ExitStatus::success);
  return report(context.streams, std::move(written).error().within("standard output"));
}

int report(const Streams& streams, const Error& error) {
  std::string words = text("polyvisor: error: {}.\n", error.message);
  if (!error.hint.empty()) words += text("  hint: {}\n", error.hint);
  print(streams.err, words);
  return to_int(status_of(error.kind));
}

bool finish_plain(const Command& command, Arguments arguments, const Context& context,
                  int& status) {
  Parser parser(command.name, command.options, arguments, foreign_options(command.name));
  Item item;
  const auto more = parser.next(item);
  if (more && !*more) return false;
  if (!more)
    status = report(context.streams, more.error());
  else if (item.option != nullptr)
    status = print_and_succeed(context, help_text(command));
  else
    status = report(context.streams, {Error::Kind::usage,
                                      text("{} takes no argument \"{}\"", command.name, item.value),
                                      text("polyvisor {} --help explains it", command.name)});
  return true;
}

int version_command(const Command& command, Arguments arguments, const Context& context) {
  int status = 0;
  if (finish_plain(command, arguments, context, status)) return status;
  return print_and_succeed(context, text("polyvisor {} ({})\n", PV_VERSION, monitor_name()));
}

int help_command(const Command& command, Arguments arguments, const Context& context) {
  if (arguments.empty()) return print_and_succeed(context, help_text());
  const std::string_view wanted = arguments[0];
  for (const Command& candidate : table)
    if (candidate.name == wanted) return print_and_succeed(context, help_text(candidate));
  if (wanted.starts_with('-')) {
    int status = 0;
    finish_plain(command, arguments, context, status);
    return status;
  }
  return report(context.streams, unknown_command(wanted).error());
}

namespace {

// What stands before the command; false when that was all there is to do.
Result<bool> read_globals(Arguments& arguments, Context& context, bool& extended, int& status) {
  Parser parser({}, global_options, arguments);
  for (;;) {
    Item item;
    if (!TRY(parser.next(item)))
      return fail(Error::Kind::usage, "there is no command", "polyvisor --help lists the commands");
    if (item.option == nullptr) {
      arguments = arguments.last(parser.rest().size() + 1);
      return true;
    }
    if (item.option->id == Id::extended_status) {
      extended = true;
    } else if (item.option->id == Id::log_level) {
      context.log_level = item.value;
    } else {
      status = TRY(global_option(item, context));
      return false;
    }
  }
}

int run_named(Arguments arguments, const Context& context) {
  const std::string_view first = arguments[0];
  for (const Command& command : table)
    if (command.name == first) return command.run(command, arguments.subspan(1), context);
  return report(context.streams, unknown_command(first).error());
}

}  // namespace

int dispatch(Arguments arguments, const Context& context) {
  if (arguments.empty()) {
    print(context.streams.err, help_text());
    return to_int(ExitStatus::usage);
  }
  Context with = context;
  bool extended = false;
  int status = 0;
  const auto more = read_globals(arguments, with, extended, status);
  if (!more)
    status = report(context.streams, more.error());
  else if (*more)
    status = run_named(arguments, with);
  return extended ? extended_status(status) : status;
}

// Called as `lkvm` or `crosvm` (links to this binary) the same commands and options apply; see
// cli/personality.h for what does not.
int main(int argc, char** argv) {
  VmLauncher launcher;
  const usize count = argc > 1 ? static_cast<usize>(argc - 1) : 0;
  return dispatch({argv + (argc > 0 ? 1 : 0), count},
                  {{}, launcher, personality_of(argc > 0 ? argv[0] : "")});
}

}  // namespace pv::cli
