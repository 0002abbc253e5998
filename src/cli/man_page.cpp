// The manual page polyvisor(1) in the man macros of roff (man(7)).
#include "base/text.h"
#include "cli/help.h"
#include "config/validate.h"

namespace pv::cli {
namespace {

// Text as roff takes it literally: a dash is a minus, a line never begins with a control character.
std::string escaped(std::string_view plain) {
  std::string out;
  for (const char c : plain) {
    if (c == '-')
      out += "\\-";
    else if (c == '\\')
      out += "\\e";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += "\\&", out += c;
    else
      out += c;
  }
  return out;
}

void heading(std::string& out, std::string_view title) { out += text(".SH {}\n", title); }
void paragraph(std::string& out, std::string_view words) {
  out += text(".PP\n{}\n", escaped(words));
}
void item(std::string& out, std::string_view tag, std::string_view words) {
  out += text(".TP\n\\fB{}\\fR\n{}\n", escaped(tag), escaped(words));
}
void example(std::string& out, std::string_view words, std::string_view line) {
  paragraph(out, words);
  out += text(".RS\n.nf\n{}\n.fi\n.RE\n", escaped(line));
}

void options(std::string& out, std::span<const Option> table) {
  for (const Option& option : table) item(out, usage_of(option), option.help);
}

void command_section(std::string& out, const Command& command) {
  out += text(".SS polyvisor {} {}\n", escaped(command.name), escaped(command.usage));
  paragraph(out, command.description);
  if (command.options.size() > 1) options(out, command.options);
}

void console_section(std::string& out) {
  heading(out, "CONSOLE");
  paragraph(out,
            "The guest's console is polyvisor's standard input and output. A terminal is put into "
            "raw mode, so that every key goes to the guest, and is restored however the run ends. "
            "These keys are polyvisor's own there:");
  item(out, "Ctrl-a x", "End the run; the exit status is 106.");
  item(out, "Ctrl-a h", "List these keys.");
  item(out, "Ctrl-a Ctrl-a", "Send one Ctrl-a to the guest. Before any other key it is sent too.");
  paragraph(out,
            "Input that is no terminal goes to the guest unchanged, as fast as the guest reads it; "
            "at its end the VM keeps running. A run in the background leaves the terminal alone "
            "until it is brought to the foreground.");
}

void status_section(std::string& out) {
  heading(out, "EXIT STATUS");
  for (const auto& entry : exit_status_texts) {
    item(out, text("{}", to_int(entry.status)), entry.meaning);
    if (entry.status == ExitStatus::success)
      item(out, text("1 to {}", max_guest_code),
           "The guest ended itself through a test-exit device with this code.");
  }
}

void files_section(std::string& out) {
  heading(out, "FILES");
  item(out, "$XDG_RUNTIME_DIR/polyvisor/NAME.sock",
       "Control socket of the running VM NAME, in a directory that only its owner can enter. "
       "For root without XDG_RUNTIME_DIR: /run/polyvisor/NAME.sock. Where neither can be had the "
       "VM runs without one and cannot be listed or controlled.");
}

}  // namespace

std::string man_page() {
  std::string out = text(".TH POLYVISOR 1 \"\" \"polyvisor {}\" \"User Commands\"\n", PV_VERSION);
  heading(out, "NAME");
  out += "polyvisor \\- run bare\\-metal programs and Linux in KVM virtual machines\n";
  heading(out, "SYNOPSIS");
  for (const Command& command : commands())
    out += text("\\fBpolyvisor {}\\fR {}\n.br\n", escaped(command.name), escaped(command.usage));
  heading(out, "DESCRIPTION");
  paragraph(out,
            "polyvisor starts one virtual machine on the KVM of the host it runs on and stays in "
            "the foreground until the guest powers off. The other commands act on machines that "
            "are running.");
  heading(out, "COMMANDS");
  for (const Command& command : commands()) command_section(out, command);
  heading(out, "OPTIONS");
  options(out, global_options);
  console_section(out);
  status_section(out);
  files_section(out);
  heading(out, "EXAMPLES");
  example(out, "Boot a Linux kernel with an initial RAM disk on two virtual CPUs:",
          "polyvisor run -k Image -i initrd.img -c 2 -m 1G -p console=ttyS0");
  example(out, "Keep a VM's configuration in a file, and change one thing for one run:",
          "polyvisor run -k Image -m 1G --print-config >vm.json\n"
          "polyvisor run --config vm.json -c 4");
  example(out, "End every running VM:", "polyvisor stop -a");
  return out;
}

}  // namespace pv::cli
