#include "doctor/report.h"

#include <algorithm>

#include "base/text.h"

namespace pv::doctor {
namespace {

constexpr usize width = 100;
constexpr usize id_column = 18;
constexpr usize indent = 6 + id_column + 1;

const char* mark(State state) {
  switch (state) {
    case State::fine: return "ok  ";
    case State::limited: return "less";
    case State::broken: return "BAD ";
    case State::absent: return "-   ";
  }
  return "?";
}

std::string processor(const Probe& probe) {
  const auto cpu = probe.read("/proc/cpuinfo");
  if (!cpu) return {};
  for (const char* key : {"model name", "cpu", "uarch", "isa"})
    if (std::string found = field(*cpu, key); !found.empty()) return found;
  const std::string part = field(*cpu, "CPU part");
  return part.empty() ? part
                      : text("implementer {}, part {}", field(*cpu, "CPU implementer"), part);
}

// The board's name: what its device tree or firmware calls it.
std::string board(const Probe& probe) {
  for (const char* path : {"/proc/device-tree/model", "/sys/class/dmi/id/product_name"}) {
    auto found = probe.read(path);
    if (!found) continue;
    while (!found->empty() && (found->back() == '\0' || found->back() == '\n')) found->pop_back();
    if (!found->empty()) return *found;
  }
  return {};
}

std::string command_line(const Probe& probe) {
  auto line = probe.read("/proc/cmdline").value_or("");
  if (line.ends_with('\n')) line.pop_back();
  return line;
}

void detail(std::string& out, std::string_view label, std::string_view words) {
  if (words.empty()) return;
  const usize at = indent + label.size();
  out += std::string(indent, ' ') + std::string(label) + wrapped(words, at) + "\n";
}

// The beginning, where KVM introduces itself, and the end, where the latest trouble is.
std::string log_text(const Probe& probe) {
  constexpr usize first = 24, last = 8;
  const auto& log = probe.kernel_log();
  if (!log || log->empty()) return {};
  std::string out = "\nThe kernel's log on virtualization:\n";
  const bool all = log->size() <= first + last;
  for (usize i = 0; i < log->size(); ++i) {
    if (!all && i == first) {
      out += text("  ... {} more (--json has them)\n", log->size() - first - last);
      i = log->size() - last;
    }
    out += "  " + (*log)[i] + "\n";
  }
  return out;
}

usize count(std::span<const Finding> findings, State state) {
  return static_cast<usize>(
      std::ranges::count_if(findings, [&](const Finding& f) { return f.state == state; }));
}

}  // namespace

std::string wrapped(std::string_view words, usize at) {
  std::string out;
  usize column = at;
  while (!words.empty()) {
    const usize end = std::min(words.find(' '), words.size());
    if (!out.empty() && column + 1 + end > width) {
      out += "\n" + std::string(at, ' ');
      column = at;
    } else if (!out.empty()) {
      out += ' ';
      ++column;
    }
    out += words.substr(0, end);
    column += end;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return out;
}

std::string host_text(const Probe& probe) {
  const System system = probe.system();
  std::string out =
      text("polyvisor {} ({}), on {} Linux {}, {} CPU{}\n", PV_VERSION, monitor_name(),
           system.machine, system.release, system.cpus, system.cpus == 1 ? "" : "s");
  if (const std::string found = board(probe); !found.empty()) out += text("board: {}\n", found);
  if (const std::string found = processor(probe); !found.empty())
    out += text("processor: {}\n", found);
  return out;
}

std::string findings_text(const Probe& probe, std::span<const Finding> findings) {
  std::string out;
  std::string not_asked;
  for (const Finding& finding : findings) {
    if (!finding.asked) {
      not_asked += text("{}{}", not_asked.empty() ? "" : ", ", finding.id);
      continue;
    }
    out += text("{}  {:<{}} {}\n", mark(finding.state), finding.id, id_column,
                wrapped(finding.seen, indent));
    if (finding.state == State::fine) continue;
    detail(out, finding.state == State::limited ? "costs: " : "why: ", finding.why);
    detail(out, "mend: ", finding.mend);
  }
  if (!not_asked.empty())
    out += text("-     {}\n",
                wrapped("not asked, because KVM's device does not open: " + not_asked, 6));
  return out + log_text(probe);
}

std::string text_report(const Probe& probe, std::span<const Finding> findings) {
  std::string out = host_text(probe) + "\n" + findings_text(probe, findings);
  out += text("\n{}: {} fine, {} limited, {} broken, {} not there or not asked.\n",
              guests_can_run(findings) ? "Guests can run here" : "No guest can run here",
              count(findings, State::fine), count(findings, State::limited),
              count(findings, State::broken), count(findings, State::absent));
  return out;
}

void write_host(JsonWriter& json, const Probe& probe) {
  const System system = probe.system();
  const Memory memory = probe.memory();
  json.object("host");
  json.field("architecture", name(probe.arch()));
  json.field("machine", system.machine);
  json.field("kernel", system.release);
  json.field("kernel_version", system.version);
  json.field("command_line", command_line(probe));
  json.field("board", board(probe));
  json.field("processor", processor(probe));
  json.field("cpus", system.cpus);
  json.field("memory", memory.total);
  json.end();
}

void write_findings(JsonWriter& json, std::span<const Finding> findings) {
  json.array("checks");
  for (const Finding& finding : findings) {
    json.object();
    json.field("id", finding.id);
    json.field("state", name(finding.state));
    json.field("seen", finding.seen);
    json.field("why", finding.why);
    json.field("mend", finding.mend);
    json.end();
  }
  json.end();
}

void write_kvm(JsonWriter& json, const KvmReport& kvm) {
  json.object("kvm");
  json.field("open_error", static_cast<u32>(kvm.open_error));
  json.field("api_version", static_cast<u32>(std::max(kvm.api_version, 0)));
  for (const auto& [title, list] :
       {std::pair("capabilities", &kvm.capabilities), std::pair("controllers", &kvm.controllers),
        std::pair("facts", &kvm.facts)}) {
    json.object(title);
    for (const NamedValue& entry : *list) json.field(entry.name, static_cast<u64>(entry.value));
    json.end();
  }
  json.end();
}

void write_log(JsonWriter& json, const Probe& probe) {
  json.array("kernel_log");
  if (probe.kernel_log())
    for (const std::string& line : *probe.kernel_log()) json.value(line);
  json.end();
}

std::string json_report(const Probe& probe, std::span<const Finding> findings) {
  JsonWriter json;
  json.object();
  json.field("polyvisor", PV_VERSION);
  write_host(json, probe);
  json.field("guests_can_run", guests_can_run(findings));
  write_findings(json, findings);
  write_kvm(json, probe.kvm());
  write_log(json, probe);
  json.end();
  return json.take() + "\n";
}

}  // namespace pv::doctor
