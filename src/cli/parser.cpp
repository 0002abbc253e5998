#include "cli/parser.h"

#include "base/text.h"
#include "cli/suggest.h"
#include "machine/machine.h"

namespace pv::cli {
namespace {

const Option* find(std::span<const Option> options, std::string_view name) {
  for (const Option& option : options)
    if (option.name == name) return &option;
  return nullptr;
}

const Option* find(std::span<const Option> options, char letter) {
  for (const Option& option : options)
    if (option.letter == letter) return &option;
  return nullptr;
}

// `spelled` is what stands on the command line, `name` the option's name or letter.
const Foreign* find_foreign(std::span<const Foreign> foreign, std::string_view spelled,
                            std::string_view name) {
  const bool is_letter = !spelled.starts_with("--");
  for (const Foreign& entry : foreign)
    if (is_letter ? entry.letter != 0 && entry.letter == name[0] : entry.name == name)
      return &entry;
  return nullptr;
}

// A family such as "disable-sbi-*".
const Foreign* find_family(std::span<const Foreign> foreign, std::string_view name) {
  for (const Foreign& entry : foreign)
    if (entry.name.ends_with('*') && name.starts_with(entry.name.substr(0, entry.name.size() - 1)))
      return &entry;
  return nullptr;
}

std::unexpected<Error> refuse(std::string_view spelled, const Foreign& foreign) {
  return fail(Error::Kind::usage,
              text("{} is an option of {} that polyvisor does not have", spelled, foreign.owner),
              std::string(foreign.instead));
}

}  // namespace

std::string argument_of(const Option& option, Arch arch) {
  return option.id == Id::board ? machine::board_list(arch, "|") : std::string(option.argument);
}

std::string usage_of(const Option& option) {
  std::string usage = option.letter != 0 ? text("-{}, ", option.letter) : std::string();
  usage += text("--{}", option.name);
  if (!option.argument.empty()) usage += text(" {}", argument_of(option));
  return usage;
}

Result<bool> Parser::next(Item& item) {
  item = {};
  if (!letters_.empty()) return short_option(item);
  if (arguments_.empty()) return false;
  const std::string_view argument = arguments_[0];
  arguments_ = arguments_.subspan(1);
  if (only_positional_ || argument.size() < 2 || argument[0] != '-') {
    item.value = argument;
    return true;
  }
  if (argument == "--") {
    only_positional_ = true;
    return next(item);
  }
  if (argument[1] == '-') return long_option(argument, item);
  // "-kernel FILE" would be "-k" with the value "ernel".
  if (argument.size() > 2 && find(options_, argument.substr(1)) != nullptr)
    return fail(Error::Kind::usage, text("\"{}\" begins with one dash only", argument),
                text("write -{}", argument));
  letters_ = argument.substr(1);
  return short_option(item);
}

Result<bool> Parser::long_option(std::string_view argument, Item& item) {
  const usize equals = argument.find('=');
  const std::string_view spelled = argument.substr(0, equals);
  const Option* option = find(options_, spelled.substr(2));
  if (option == nullptr) return unknown(spelled, spelled.substr(2));
  if (equals == std::string_view::npos) return take_value(*option, item);
  if (option->argument.empty())
    return fail(Error::Kind::usage, text("{} takes no value", spelled),
                text("write {} alone", spelled));
  item = {option, argument.substr(equals + 1)};
  return true;
}

Result<bool> Parser::short_option(Item& item) {
  const std::string_view letters = letters_;
  const char spelled[] = {'-', letters[0], 0};
  const Option* option = find(options_, letters[0]);
  letters_ = {};
  if (option == nullptr) return unknown(spelled, letters.substr(0, 1));
  if (option->argument.empty()) {
    letters_ = letters.substr(1);
    item.option = option;
    return true;
  }
  if (letters.size() == 1) return take_value(*option, item);
  // "-c=2" is not GNU's form, but what else could it mean?
  const usize skip = letters[1] == '=' ? 2 : 1;
  item = {option, letters.substr(skip)};
  return true;
}

// The value that follows as an argument of its own, if the option takes one.
Result<bool> Parser::take_value(const Option& option, Item& item) {
  item.option = &option;
  if (option.argument.empty()) return true;
  if (arguments_.empty())
    return fail(Error::Kind::usage, text("--{} needs a value", option.name),
                text("write --{} {}", option.name, option.argument));
  item.value = arguments_[0];
  arguments_ = arguments_.subspan(1);
  return true;
}

std::unexpected<Error> Parser::unknown(std::string_view spelled, std::string_view name) const {
  if (const Foreign* foreign = find_foreign(foreign_, spelled, name))
    return refuse(spelled, *foreign);
  const std::string help =
      text("polyvisor {}{}--help lists the options", command_, command_.empty() ? "" : " ");
  const std::string message = text("unknown option {}", spelled);
  if (!spelled.starts_with("--")) return fail(Error::Kind::usage, message, help);
  Nearest nearest(name);
  for (const Option& option : options_) nearest.offer(option.name);
  if (!nearest.found().empty())
    return fail(Error::Kind::usage, message, text("did you mean --{}?", nearest.found()));
  if (const Foreign* family = find_family(foreign_, name)) return refuse(spelled, *family);
  return fail(Error::Kind::usage, message, help);
}

Result<Arch> parse_arch(std::string_view word) {
  if (const auto arch = arch_named(word)) return *arch;
  return fail(Error::Kind::usage, text("--arch: \"{}\" is not known", word),
              "choose one of aarch64, riscv64, powerpc, x86_64");
}

}  // namespace pv::cli
