#include "cli/instance.h"

#include "base/text.h"
#include "cli/help.h"
#include "config/validate.h"

namespace pv::cli {
namespace {

// "running: a, b" or that nothing is: what a user needs who mistyped a name, or who is the wrong
// one.
std::string running_names(const std::vector<control::Running>& running) {
  std::string all = running.empty() ? "no VM of this user is running" : "running: ";
  for (const auto& vm : running) {
    if (&vm != &running.front()) all += ", ";
    all += vm.name;
  }
  return all + "; a VM of another user is seen by that user alone: ask as the one who started it";
}

int send(const Selection& selection, const control::Running& vm, control::Verb verb, Done done,
         const Context& context) {
  const auto reply = control::request(vm, verb);
  if (!reply) {
    report(context.streams, reply.error());
    return to_int(ExitStatus::no_such_vm);
  }
  if (done != nullptr) done(selection, vm, *reply, context);
  return to_int(ExitStatus::success);
}

}  // namespace

int no_such_vm(const Context& context, const std::string& name,
               const std::vector<control::Running>& running) {
  report(context.streams,
         {Error::Kind::host, text("no VM named \"{}\" is running", name), running_names(running)});
  return to_int(ExitStatus::no_such_vm);
}

Result<Selection> parse_selection(const Command& command, Arguments arguments) {
  Selection selection;
  Parser parser(command.name, command.options, arguments, foreign_options(command.name));
  Item item;
  while (TRY(parser.next(item))) {
    const Id id = item.option == nullptr ? Id::name : item.option->id;
    if (id == Id::help) selection.help = true;
    if (id == Id::all) selection.all = true;
    if (id != Id::name) continue;
    TRY(config::validate_name(item.value));
    if (!selection.name.empty())
      return fail(Error::Kind::usage, "two VMs are named", "act on one VM at a time, or on all");
    selection.name = item.value;
  }
  if (selection.help || selection.all != !selection.name.empty()) return selection;
  return fail(Error::Kind::usage,
              selection.all ? "a VM's name and --all contradict each other"
                            : text("{} needs to know which VM", command.name),
              text("write polyvisor {} NAME, or act on all with -a; polyvisor list shows them",
                   command.name));
}

int for_each_selected(const Command& command, Arguments arguments, const Context& context,
                      control::Verb verb, Done done) {
  const auto selection = parse_selection(command, arguments);
  if (!selection) return report(context.streams, selection.error());
  if (selection->help) {
    return print_and_succeed(context, help_text(command));
  }
  const auto directories = control::Directory::existing();
  const auto running = control::running_vms(directories);
  int status = to_int(ExitStatus::success);
  bool found = selection->all;
  for (const auto& vm : running) {
    if (!selection->all && vm.name != selection->name) continue;
    found = true;
    if (const int sent = send(*selection, vm, verb, done, context); sent != 0) status = sent;
  }
  return found ? status : no_such_vm(context, selection->name, running);
}

}  // namespace pv::cli
