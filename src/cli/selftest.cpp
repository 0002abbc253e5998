// `polyvisor selftest`: the doctor's checks, a round trip of registers, and the bare-metal guests
// inside this binary one after the other; one report comes out that the owner of a board can send.
// Exit status 0 when everything passed, else 1.
#include <algorithm>
#include <vector>

#include "base/fd.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/embedded_guests.h"
#include "cli/help.h"
#include "cli/launch.h"
#include "cli/selftest_guest.h"
#include "doctor/live_probe.h"
#include "doctor/report.h"
#include "kvm/probe.h"
#include "kvm/round_trip.h"

namespace pv::cli {
namespace {

constexpr unsigned patience_s = 120;
constexpr usize shown_output = 1500;

constexpr SelftestGuest guests[] = {
    {"contract", "the state at the first instruction", " checks, 0 failed", "", ""},
    {"timer", "the timer's interrupts", "timer: 5 ticks, 0 too early", "", ""},
    {"echo", "the UART's interrupts, console input", "echo: 17 bytes", "Ahoy, board\nquit\n", ""},
    {"smp", "further CPUs, started by the guest", "smp: 2 of 2 CPUs up", "", "", 2},
    {"widths", "device accesses of every width", "widths: 0 wrong", "", "", 1, true},
    {"virtio", "a virtio device", "virtio: 1 devices, 0 broken", "", "", 1, true},
    {"memtest", "guest RAM", "memtest: passed", "", ""},
    {"hypercall", "hypercalls by the tree's instructions", "", "", ""},
    {"nisv", "device accesses without a syndrome", "stores, 0 wrong", "", "", 1, true},
};

enum class Verdict : u8 { passed, failed, skipped };
constexpr std::string_view verdict_names[] = {"passed", "failed", "skipped"};

// One line of the report.
struct Entry {
  std::string_view name;
  std::string_view covers;
  Verdict verdict = Verdict::skipped;
  std::string says{};    // what the guest concluded, or why it was left out
  std::string output{};  // of a failure
  int status = 0;
  u64 milliseconds = 0;
};

struct Request {
  bool json = false;
  bool help = false;
};

Result<Request> parse_selftest(Arguments arguments) {
  Request request;
  Parser parser("selftest", selftest_options, arguments);
  Item item;
  while (TRY(parser.next(item))) {
    if (item.option == nullptr)
      return fail(Error::Kind::usage, text("selftest takes no argument \"{}\"", item.value),
                  "polyvisor selftest --help explains it");
    if (item.option->id == Id::json)
      request.json = true;
    else {
      request.help = true;
      break;
    }
  }
  return request;
}

const EmbeddedGuest* embedded(std::string_view name) {
  for (const EmbeddedGuest& guest : embedded_guests())
    if (guest.name == name) return &guest;
  return nullptr;
}

// In a process of its own, as everything that may meet a broken host.
Entry registers() {
  Entry entry{"registers", "registers written and read back"};
  const GuestRun run = run_apart({}, patience_s, [] {
    const auto trip = kvm::round_trip_registers();
    if (!trip) {
      print(1, trip.error().message + "\n");
      return 1;
    }
    for (const std::string& wrong : trip->wrong) print(1, wrong + "\n");
    print(1, text("{} registers read, {} rewritten, {} took a pattern, {} not writable, {} wrong\n",
                  trip->read, trip->rewritten, trip->patterned, trip->refused, trip->wrong.size()));
    return trip->wrong.empty() && trip->patterned > 0 ? 0 : 1;
  });
  entry.verdict = run.ended && run.status == 0 ? Verdict::passed : Verdict::failed;
  entry.says = std::string(last_line(run.output));
  entry.output = run.output;
  entry.status = run.status;
  entry.milliseconds = run.milliseconds;
  return entry;
}

Entry run_guest(const SelftestGuest& guest) {
  Entry entry{guest.name, guest.covers};
  const EmbeddedGuest* image = embedded(guest.name);
  if (image == nullptr) {
    entry.says = "not built into this binary";
    return entry;
  }
  const config::VmConfig config = config_of(guest);
  const GuestRun run = run_apart(guest.input, patience_s, [&] {
    const auto outcome = launch_from_memory(config, image->gzip);
    return outcome ? outcome->exit_status : report(Streams{}, outcome.error());
  });
  entry.verdict = passed(guest, run) ? Verdict::passed : Verdict::failed;
  entry.says =
      run.ended ? std::string(last_line(run.output)) : text("no end within {} s", patience_s);
  entry.output = run.output;
  entry.status = run.status;
  entry.milliseconds = run.milliseconds;
  return entry;
}

constexpr std::string_view marks[] = {"ok  ", "FAIL", "-   "};

std::string line_of(const Entry& entry) {
  std::string out = text("{}  {:<10} {:>5} ms  {}: {}\n", marks[static_cast<usize>(entry.verdict)],
                         entry.name, entry.milliseconds, entry.covers, entry.says);
  if (entry.verdict != Verdict::failed) return out;
  out += text("      exit status {}; the end of its output:\n", entry.status);
  std::string_view rest = entry.output;
  if (rest.size() > shown_output) rest.remove_prefix(rest.size() - shown_output);
  while (!rest.empty()) {
    const usize end = std::min(rest.find('\n'), rest.size());
    out += text("      | {}\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::string summary(std::span<const Entry> entries) {
  const auto count = [&](Verdict verdict) {
    return std::ranges::count_if(entries, [&](const Entry& e) { return e.verdict == verdict; });
  };
  return text("\nselftest: {} passed, {} failed, {} left out\n", count(Verdict::passed),
              count(Verdict::failed), count(Verdict::skipped));
}

bool all_well(std::span<const Entry> entries) {
  return std::ranges::any_of(entries,
                             [](const Entry& e) { return e.verdict == Verdict::passed; }) &&
         std::ranges::none_of(entries, [](const Entry& e) { return e.verdict == Verdict::failed; });
}

std::string as_json(const doctor::Probe& probe, std::span<const doctor::Finding> findings,
                    std::span<const Entry> entries) {
  JsonWriter json;
  json.object();
  json.field("polyvisor", PV_VERSION);
  doctor::write_host(json, probe);
  json.field("guests_can_run", doctor::guests_can_run(findings));
  json.field("passed", all_well(entries));
  json.array("tests");
  for (const Entry& entry : entries) {
    json.object();
    json.field("name", entry.name);
    json.field("covers", entry.covers);
    json.field("verdict", verdict_names[static_cast<usize>(entry.verdict)]);
    json.field("says", entry.says);
    json.field("status", static_cast<u32>(entry.status));
    json.field("milliseconds", entry.milliseconds);
    json.field("output", entry.output);
    json.end();
  }
  json.end();
  doctor::write_findings(json, findings);
  doctor::write_kvm(json, probe.kvm());
  doctor::write_log(json, probe);
  json.end();
  return json.take() + "\n";
}

// Which of the guests this host can be asked to run; the others are left out with the reason.
std::string left_out(const SelftestGuest& guest, const doctor::Probe& probe, bool can_run) {
  if (!can_run) return "no guest can run here";
  const bool here = guest.name != "hypercall" || host_arch == Arch::powerpc;
  if (!here || (guest.name == "nisv" && host_arch != Arch::aarch64))
    return text("not on {}", name(host_arch));
  if (guest.name == "nisv" && probe.kvm().capability("KVM_CAP_ARM_NISV_TO_USER") <= 0)
    return "this KVM has no KVM_CAP_ARM_NISV_TO_USER";
  const i64 most = probe.kvm().capability("KVM_CAP_MAX_VCPUS");
  if (most > 0 && guest.cpus > most) return text("guests have at most {} CPU here", most);
  return {};
}

}  // namespace

int selftest_command(const Command& command, Arguments arguments, const Context& context) {
  const auto request = parse_selftest(arguments);
  if (!request) return report(context.streams, request.error());
  if (request->help) return print_and_succeed(context, help_text(command));
  const auto say = [&](std::string_view words) {
    if (request->json) return;
    // As long as it takes: a pager may wait for its reader. What cannot be written is lost.
    [[maybe_unused]] auto written = write_fully(context.streams.out, bytes_of(words));
  };
  const doctor::LiveProbe probe(kvm::probe());
  const auto findings = doctor::examine(probe);
  const bool can_run = doctor::guests_can_run(findings);
  say(doctor::host_text(probe) + "\n" + doctor::findings_text(probe, findings) + "\n");

  std::vector<Entry> entries;
  const auto add = [&](Entry entry) {
    say(line_of(entry));
    entries.push_back(std::move(entry));
  };
  add(can_run ? registers()
              : Entry{.name = "registers",
                      .covers = "registers written and read back",
                      .says = "no guest can run here"});
  for (const SelftestGuest& guest : guests) {
    const std::string why = left_out(guest, probe, can_run);
    add(why.empty() ? run_guest(guest)
                    : Entry{.name = guest.name, .covers = guest.covers, .says = why});
  }
  say(summary(entries));
  say("Send this report, with the board's name, to the people who make polyvisor: "
      "docs/hardware.md\n"
      "has the boards on which it has run.\n");
  if (request->json) {
    const int printed = print_and_succeed(context, as_json(probe, findings, entries));
    if (printed != to_int(ExitStatus::success)) return printed;
  }
  return all_well(entries) ? to_int(ExitStatus::success) : 1;
}

}  // namespace pv::cli
