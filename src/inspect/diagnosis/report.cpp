// A report as text and as JSON. The JSON can be given back to diagnose --from-dump.
#include "base/hex.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "inspect/diagnosis/verdict.h"
#include "inspect/poison.h"

namespace pv::inspect {
namespace {

void section(std::string& out, std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  out += text("\n{}:\n", title);
  for (const std::string& line : lines) out += text("  {}\n", line);
}

void bullets(std::string& out, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) out += text("  - {}\n", line);
}

void strings(JsonWriter& json, std::string_view name, const std::vector<std::string>& lines) {
  json.array(name);
  for (const std::string& line : lines) json.value(line);
  json.end();
}

void verdict_json(JsonWriter& json, const Verdict& verdict) {
  json.object("verdict");
  json.field("cause", name(verdict.cause));
  json.field("healthy", is_healthy(verdict.cause));
  json.field("sentence", verdict.sentence);
  strings(json, "evidence", verdict.evidence);
  strings(json, "advice", verdict.advice);
  json.end();
}

void registers_json(JsonWriter& json, const hv::RegisterFile& file) {
  json.object("registers");
  for (usize i = 0; i < file.table.size(); ++i)
    if (file.known[i] != 0) json.field(file.table[i].name, text("{:#x}", file.values[i].low));
  json.end();
}

// In rows of four, as QEMU's monitor does.
std::vector<std::string> general_registers(const hv::RegisterFile& file) {
  std::vector<std::string> rows;
  usize column = 0;
  for (usize i = 0; i < file.table.size(); ++i) {
    if (file.known[i] == 0 || file.table[i].group != hv::RegisterGroup::general) continue;
    if (column++ % 4 == 0) rows.emplace_back();
    const std::string name = upper(file.table[i].name);
    rows.back() +=
        text("{}{:>6}={:016x}", rows.back().empty() ? "" : " ", name, file.values[i].low);
  }
  return rows;
}

void cpu_text(std::string& out, const Report& report, const CpuReport& one) {
  if (report.cpus.size() > 1) out += text("\n--- CPU {}: {}\n", one.cpu, one.verdict.sentence);
  if (report.cpus.size() > 1 && one.cpu != report.cpus[report.deciding].cpu)
    bullets(out, one.verdict.evidence);
  section(out, "State", one.state);
  section(out, "Code", one.code);
  section(out, "Called from", one.backtrace);
  section(out, "On the stack, perhaps return addresses", one.on_stack);
  section(out, "Registers", general_registers(one.registers));
}

// "CPU 1: " where there are several and the verdict is that one's own, not the VM's.
std::string whose(const Report& report) {
  const Cause cause = report.verdict.cause;
  if (report.cpus.size() < 2 || cause == Cause::paused || cause == Cause::debugged) return {};
  const CpuReport& one = report.cpus[report.deciding];
  return one.verdict.sentence == report.verdict.sentence ? text("CPU {}: ", one.cpu)
                                                         : std::string();
}

}  // namespace

std::string render_text(const Report& report) {
  std::string out =
      text("{}: {}, {} CPU{}, {} sample{} each\n\n", report.facts.what, name(report.facts.arch),
           report.cpus.size(), report.cpus.size() == 1 ? "" : "s", report.samples,
           report.samples == 1 ? "" : "s");
  out += text("VERDICT ({}): {}{}.\n", name(report.verdict.cause), whose(report),
              report.verdict.sentence);
  bullets(out, report.verdict.evidence);
  if (!report.verdict.advice.empty()) out += "What to do:\n";
  bullets(out, report.verdict.advice);
  for (const CpuReport& one : report.cpus) cpu_text(out, report, one);
  section(out, "The end of the guest's kernel log", report.log);
  if (!report.log_note.empty()) out += text("\n{}\n", report.log_note);
  if (!report.names_note.empty()) out += text("{}\n", report.names_note);
  return out;
}

std::string render_json(const Report& report) {
  JsonWriter json;
  json.object();
  json.field("arch", name(report.facts.arch));
  json.field("subject", report.facts.what);
  json.field("samples", u64{report.samples});
  verdict_json(json, report.verdict);
  json.array("cpus");
  for (const CpuReport& one : report.cpus) {
    json.object();
    json.field("cpu", one.cpu);
    verdict_json(json, one.verdict);
    registers_json(json, one.registers);
    strings(json, "state", one.state);
    strings(json, "code", one.code);
    strings(json, "backtrace", one.backtrace);
    strings(json, "on_stack", one.on_stack);
    json.end();
  }
  json.end();
  json.array("memory");
  for (const CpuReport& one : report.cpus) {
    json.object();
    json.field("address", text("{:#x}", one.bytes_at));
    json.field("bytes", to_hex(one.bytes));
    json.end();
  }
  json.end();
  strings(json, "log", report.log);
  json.field("log_note", report.log_note);
  json.field("names", report.names_note);
  json.end();
  return json.take() + "\n";
}

}  // namespace pv::inspect
