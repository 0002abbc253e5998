// The completion script for bash (4 or newer). VM names come from `polyvisor list` when asked for.
#include "base/text.h"
#include "cli/help.h"

namespace pv::cli {
namespace {

std::string option_words(std::span<const Option> options) {
  std::string words;
  for (const Option& option : options) {
    if (!words.empty()) words += ' ';
    words += text("--{}", option.name);
    if (option.letter != 0) words += text(" -{}", option.letter);
  }
  return words;
}

// "--console) COMPREPLY=(...)": what the option before the cursor takes.
std::string value_case(const Option& option) {
  std::string pattern = text("--{}", option.name);
  if (option.letter != 0) pattern += text("|-{}", option.letter);
  const std::string argument = argument_of(option);
  if (argument.starts_with("FILE"))
    return text(
        "        {}) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\"));"
        " return ;;\n",
        pattern);
  const bool choice = argument.find('|') != std::string::npos || option.id == Id::board ||
                      option.id == Id::completion;
  if (choice) {
    std::string words(argument.substr(0, argument.find('[')));
    for (char& c : words)
      if (c == '|') c = ' ';
    return text("        {}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n", pattern,
                words);
  }
  return text("        {}) return ;;\n", pattern);
}

std::string command_case(const Command& command) {
  std::string out = text("    {})\n      case \"$before\" in\n", command.name);
  for (const Option& option : command.options) {
    if (option.argument.empty()) continue;
    // run's --name is a new one; the others' is one of those that run.
    if (option.id == Id::name && command.name != "run")
      out +=
          "        --name|-n) COMPREPLY=($(compgen -W "
          "\"$(polyvisor list 2>/dev/null | awk 'NR > 1 { print $2 }')\" -- \"$word\"));"
          " return ;;\n";
    else
      out += value_case(option);
  }
  out += text("      esac\n      words=\"{}\" ;;\n", option_words(command.options));
  return out;
}

}  // namespace

std::string bash_completion() {
  std::string names;
  std::string cases;
  for (const Command& command : commands()) {
    names += text("{}{}", names.empty() ? "" : " ", command.name);
    cases += command_case(command);
  }
  std::string global_cases;
  for (const Option& option : global_options)
    if (!option.argument.empty()) global_cases += value_case(option);
  return text(
      "# bash completion for polyvisor\n"
      "_polyvisor() {{\n"
      "  local word=\"${{COMP_WORDS[COMP_CWORD]}}\" before=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n"
      "  local words=\"\"\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -gt 1 ]; then\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n"
      "{}"
      "    *)\n      case \"$before\" in\n{}      esac ;;\n"
      "  esac\n"
      "  else\n"
      "    words=\"{} {}\"\n"
      "  fi\n"
      "  case \"$word\" in\n"
      "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
      "    *)\n"
      "      if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "      elif [ \"${{COMP_WORDS[1]}}\" = run ]; then\n"
      "        compopt -o filenames\n"
      "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
      "      elif [ \"${{COMP_WORDS[1]}}\" = help ]; then\n"
      "        COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))\n"
      "      fi ;;\n"
      "  esac\n"
      "}}\n"
      "complete -F _polyvisor polyvisor\n",
      cases, global_cases, names, option_words(global_options), names);
}

}  // namespace pv::cli
