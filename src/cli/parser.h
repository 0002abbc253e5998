// A small parser of GNU-style command lines over the tables of cli/option.h.
//
//   --cpus=2   --cpus 2   -c2   -c 2   -ah (flags together)   -- (what follows is no option)
//
// Options and positional arguments may be mixed. Names are not abbreviated: a script that uses an
// abbreviation would break with the next option. Nothing is allocated unless there is an error.
#pragma once

#include <span>
#include <string_view>

#include "base/arch.h"
#include "base/result.h"
#include "cli/option.h"

namespace pv::cli {

// The part of argv that a command is given: without the program's and the command's name.
using Arguments = std::span<char* const>;

struct Item {
  const Option* option = nullptr;  // nullptr: a positional argument
  std::string_view value;          // points into argv; empty for a flag
};

class Parser {
 public:
  // `command` stands in messages ("run"; empty for polyvisor itself). `foreign` may be empty.
  Parser(std::string_view command, std::span<const Option> options, Arguments arguments,
         std::span<const Foreign> foreign = {})
      : command_(command), options_(options), foreign_(foreign), arguments_(arguments) {}

  // Stores the next item; false at the end. Errors (usage): an option that is unknown, foreign,
  // lacks its value or has one that it does not take. After an error there is no going on.
  Result<bool> next(Item& item);
  // The arguments that have not been read.
  Arguments rest() const { return arguments_; }

 private:
  Result<bool> long_option(std::string_view text, Item& item);
  Result<bool> short_option(Item& item);
  Result<bool> take_value(const Option& option, Item& item);
  std::unexpected<Error> unknown(std::string_view spelled, std::string_view name) const;

  std::string_view command_;
  std::span<const Option> options_;
  std::span<const Foreign> foreign_;
  Arguments arguments_;
  std::string_view letters_;  // the rest of a group of short options
  bool only_positional_ = false;
};

// What an option takes, as help shows it: "N", "kvm|zero|random"; for --board the names that this
// architecture's boards have.
std::string argument_of(const Option& option, Arch arch = host_arch);
// How users write the option: "--cpus N", or "-k, --kernel FILE" with its letter.
std::string usage_of(const Option& option);

// The value of --arch. Errors (usage).
Result<Arch> parse_arch(std::string_view word);

}  // namespace pv::cli
