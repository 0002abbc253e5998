#include "cli/help.h"

#include "base/text.h"

namespace pv::cli {
namespace {

constexpr usize width = 80;
constexpr usize column = 26;  // where explanations begin

// Appends `words` wrapped at `width`, each line but the first indented to `indent`; `at` is the
// column that the first line has reached.
void wrap(std::string& out, std::string_view words, usize indent, usize at) {
  while (!words.empty()) {
    const usize end = std::min(words.find(' '), words.size());
    const bool first = at == indent;
    if (!first && at + 1 + end > width) {
      out += '\n';
      out.append(indent, ' ');
      at = indent;
    } else if (!first) {
      out += ' ';
      ++at;
    }
    out += words.substr(0, end);
    at += end;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  out += '\n';
}

void entry(std::string& out, std::string_view left, std::string_view right) {
  out += "  ";
  out += left;
  if (left.size() + 4 > column) out += '\n';
  const usize at = left.size() + 4 > column ? 0 : left.size() + 2;
  out.append(column - at, ' ');
  wrap(out, right, column, column);
}

void option_list(std::string& out, std::span<const Option> options) {
  for (usize section = 0; section < std::size(section_names); ++section) {
    bool headed = false;
    for (const Option& option : options) {
      if (static_cast<usize>(option.section) != section) continue;
      if (!headed) out += text("\n{}:\n", section_names[section]);
      headed = true;
      const std::string left = option.letter != 0 ? usage_of(option) : "    " + usage_of(option);
      entry(out, left, option.help);
    }
  }
}

}  // namespace

std::string help_text() {
  std::string out = "Usage: polyvisor COMMAND [options]\n\nCommands:\n";
  for (const Command& command : commands()) entry(out, command.name, command.summary);
  option_list(out, global_options);
  out += "\npolyvisor COMMAND --help explains a command; polyvisor --man is the whole manual.\n";
  return out;
}

std::string help_text(const Command& command) {
  std::string out = text("Usage: polyvisor {}{}{}\n\n", command.name,
                         command.usage.empty() ? "" : " ", command.usage);
  wrap(out, command.description, 0, 0);
  option_list(out, command.options);
  return out;
}

}  // namespace pv::cli
