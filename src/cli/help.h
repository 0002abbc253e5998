// What --help, --man and --completion print, made from the tables of commands, options and exit
// statuses, so that none of them can fall behind the others.
#pragma once

#include <string>

#include "cli/command.h"

namespace pv::cli {

std::string help_text();                        // polyvisor --help
std::string help_text(const Command& command);  // polyvisor COMMAND --help
std::string man_page();                         // roff, for man(1)
std::string bash_completion();                  // a script to be sourced

}  // namespace pv::cli
