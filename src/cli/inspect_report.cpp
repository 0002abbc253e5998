#include "cli/inspect_report.h"

#include "base/text.h"

namespace pv::cli {
namespace {

using boot::Finding;
using boot::Inspection;
using boot::Presence;

constexpr usize label_width = 22;

void line(std::string& out, std::string_view label, std::string_view value) {
  out += text("  {:<{}} {}\n", label, label_width, value);
}

void heading(std::string& out, std::string_view title) { out += text("\n  {}\n", title); }

std::string range_words(boot::GuestRange range) {
  return text("{:#x} to {:#x}", range.base.value(), range.end() - 1);
}

const char* presence_word(const InspectReport& report, Presence presence) {
  switch (presence) {
    case Presence::built_in: return "built in";
    case Presence::module: return "a module";
    case Presence::absent: return report.inspection.config ? "no" : "not built in";
    case Presence::unknown: break;
  }
  return "unknown";
}

void tell_file(std::string& out, const InspectReport& report) {
  const Inspection& found = report.inspection;
  out += text("{}: {}\n", report.path, found.what);
  if (found.is_linux()) line(out, "Linux version", found.linux_version);
  if (found.arch) line(out, "architecture", name(*found.arch));
  line(out, "file", text("{} ({} bytes)", boot::rounded_size(report.file_size), report.file_size));
  for (const auto& field : found.fields) line(out, field.label, field.value);
  if (!found.is_linux() || !found.searched) return;
  std::string config = "not in the image";
  if (found.config) config = text("in the image: {}", found.config->heading());
  line(out, "configuration", config);
}

void tell_drivers(std::string& out, const InspectReport& report) {
  const auto drivers = report.inspection.drivers(report.machine);
  if (drivers.empty() || drivers.front().presence == Presence::unknown) return;
  heading(out, text("drivers for this machine, by {}",
                    report.inspection.config ? "its configuration" : "the names in the kernel"));
  for (const auto& state : drivers) {
    std::string words = presence_word(report, state.presence);
    if (state.presence != Presence::built_in) words += text(": {}", state.driver->without);
    out += text("    {:<42} {}\n", state.driver->what, words);
  }
}

void tell_machine(std::string& out, const InspectReport& report) {
  heading(out, text("on polyvisor's {} machine with {}{}", name(report.machine),
                    boot::rounded_size(report.memory),
                    report.assumed ? " (this host's; --arch names another)" : ""));
  if (report.verdict.refusal) {
    const Error& refusal = *report.verdict.refusal;
    out += text("    would not start: {}\n", refusal.message);
    if (!refusal.hint.empty()) out += text("    hint: {}\n", refusal.hint);
    return;
  }
  const auto& image = report.verdict.image;
  const auto& layout = report.verdict.layout;
  out += text("    {:<20} {}\n", "kernel's memory",
              text("{}: {}", range_words(image.extent()), boot::rounded_size(image.extent().size)));
  if (layout.tree.size != 0)
    out += text("    {:<20} {:#x}\n", "device tree", layout.tree.base.value());
  if (layout.initrd.size != 0) out += text("    {:<20} {}\n", "initrd", range_words(layout.initrd));
  if (report.least_memory != 0)
    out += text("    {:<20} --mem {}M\n", "least that starts", report.least_memory >> 20);
  out += text("    {:<20} {}\n", "entered by", boot::protocol_name(image.protocol));
  for (const auto& words : boot::contract_of(image, layout))
    out += text("    {:<20} {}\n", "", words);
}

void tell_findings(std::string& out, const std::vector<Finding>& findings, Finding::Level level) {
  for (const Finding& finding : findings) {
    if (finding.level != level) continue;
    out += text("    - {}\n", finding.what);
    if (!finding.hint.empty()) out += text("      hint: {}\n", finding.hint);
  }
}

bool any(const InspectReport& report, Finding::Level level) {
  for (const auto* list : {&report.inspection.findings, &report.verdict.findings})
    for (const Finding& finding : *list)
      if (finding.level == level) return true;
  return false;
}

void json_layout(JsonWriter& json, const InspectReport& report) {
  const auto range = [&](std::string_view key, boot::GuestRange where) {
    if (where.size == 0) return;
    json.object(key);
    json.field("address", where.base.value());
    json.field("size", where.size);
    json.end();
  };
  range("kernel", report.verdict.image.extent());
  range("device_tree", report.verdict.layout.tree);
  range("initrd", report.verdict.layout.initrd);
  json.field("entry", report.verdict.image.entry.value());
  json.field("least_memory", report.least_memory);
  json.field("protocol", boot::protocol_name(report.verdict.image.protocol));
  json.array("contract");
  for (const auto& words : boot::contract_of(report.verdict.image, report.verdict.layout))
    json.value(words);
  json.end();
}

void json_drivers(JsonWriter& json, const InspectReport& report) {
  json.array("drivers");
  for (const auto& state : report.inspection.drivers(report.machine)) {
    constexpr const char* words[] = {"unknown", "absent", "module", "built-in"};
    json.object();
    json.field("option", text("CONFIG_{}", state.driver->option));
    json.field("what", state.driver->what);
    json.field("presence", words[static_cast<usize>(state.presence)]);
    json.end();
  }
  json.end();
}

void json_findings(JsonWriter& json, const InspectReport& report) {
  json.array("findings");
  for (const auto* list : {&report.inspection.findings, &report.verdict.findings})
    for (const Finding& finding : *list) {
      json.object();
      json.field("level", finding.level == Finding::Level::note ? "note" : "suspicious");
      json.field("what", finding.what);
      if (!finding.hint.empty()) json.field("hint", finding.hint);
      json.end();
    }
  json.end();
}

}  // namespace

std::string to_text(const InspectReport& report) {
  std::string out;
  tell_file(out, report);
  if (report.inspection.kind == Inspection::Kind::foreign) {
    out += text("\n  not a kernel: {}\n", report.inspection.instead);
  } else {
    tell_drivers(out, report);
    tell_machine(out, report);
  }
  for (auto [level, title] : {std::pair(Finding::Level::suspicious, "suspicious"),
                              std::pair(Finding::Level::note, "worth knowing")}) {
    if (!any(report, level)) continue;
    heading(out, title);
    tell_findings(out, report.inspection.findings, level);
    tell_findings(out, report.verdict.findings, level);
  }
  return out;
}

void to_json(JsonWriter& json, const std::string& path, const Error& error) {
  json.object();
  json.field("file", path);
  json.field("starts", false);
  json.field("refusal", error.message);
  json.field("hint", error.hint);
  json.end();
}

void to_json(JsonWriter& json, const InspectReport& report) {
  const Inspection& found = report.inspection;
  constexpr const char* kinds[] = {"kernel", "flat", "foreign"};
  json.object();
  json.field("file", report.path);
  json.field("size", report.file_size);
  json.field("kind", kinds[static_cast<usize>(found.kind)]);
  json.field("what", found.what);
  if (found.arch) json.field("architecture", name(*found.arch));
  if (found.is_linux()) json.field("linux_version", found.linux_version);
  json.array("fields");
  for (const auto& field : found.fields) {
    json.object();
    json.field("key", field.key);
    json.field("value", field.value);
    json.end();
  }
  json.end();
  json.field("configuration", found.config.has_value());
  json.field("starts", report.starts());
  if (found.kind == Inspection::Kind::foreign) {
    json.field("instead", found.instead);
  } else {
    json.field("machine", name(report.machine));
    json.field("memory", report.memory);
    if (report.verdict.refusal) {
      json.field("refusal", report.verdict.refusal->message);
      json.field("hint", report.verdict.refusal->hint);
    } else {
      json_layout(json, report);
    }
    json_drivers(json, report);
  }
  json_findings(json, report);
  json.end();
}

}  // namespace pv::cli
