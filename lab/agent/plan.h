// What a lab host is to do: the file /lab/plan, written by the lab (polylab/plan.py).
//
// A sequence of strings, each ended by NUL; a key, then its values:
//   console PATH    the tty to talk on           token T     what frames carry
//   printk N        the kernel's console level   env N=V     for every command
//   module PATH     to load, in order            hostname N
//   command FLAGS TIMEOUT_MS STDIN CWD ROWS COLUMNS COUNT ARGUMENT...
//   clock SECONDS   since 1970: set when the machine has no clock of its own
//   serve           after the commands, take more from the line instead of powering off
// FLAGS: m output and errors in one stream, s in two, t on a terminal of its own, f into a file
// that is sent when the command has ended (nothing runs in between). STDIN: a path, empty for
// none, "-" for what arrives on the line.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace lab {

struct Request {
  char mode = 'm';
  long timeout_ms = 0;
  std::string input;
  std::string folder;
  unsigned short rows = 0;
  unsigned short columns = 0;
  std::vector<std::string> arguments;
};

struct Plan {
  std::string console = "/dev/console";
  std::string token;
  std::string printk;
  std::string hostname = "lab";
  std::vector<std::string> environment;
  std::vector<std::string> modules;
  std::vector<Request> requests;
  long clock = 0;
  bool serve = false;
};

// Takes the strings apart; what it does not know it leaves out.
Plan parse_plan(std::string_view text);

}  // namespace lab
