// polyvisor's command line: finds the command and runs it.
#pragma once

#include "cli/command.h"

namespace pv::cli {

// The whole program: main()'s arguments in, the exit status out (cli/exit_status.h).
int main(int argc, char** argv);

// The same with the outside injected, for tests. `arguments` is argv without the program's name.
int dispatch(Arguments arguments, const Context& context);

}  // namespace pv::cli
