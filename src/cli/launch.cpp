#include "cli/launch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/exit_status.h"
#include "cli/reboot.h"
#include "cli/serial_ports.h"
#include "cli/session.h"
#include "cli/watchdog.h"
#include "doctor/explain.h"
#include "doctor/live_probe.h"
#include "kvm/probe.h"
#include "loop/event_loop.h"
#include "vmm/vm.h"

namespace pv::cli {
namespace {

// The VM as the session drives it.
class Attached final : public Machine {
 public:
  explicit Attached(vmm::Vm& vm) : vm_(vm) {}
  usize receive(Bytes input) override { return vm_.console_input(input); }
  void resize(u16 rows, u16 columns) override { vm_.console_resized(rows, columns); }
  Result<void> pause() override { return vm_.pause(); }
  Result<void> resume() override { return vm_.resume(); }
  Result<void> stop(control::Stopper by) override { return vm_.stop(by); }
  control::Stats stat() override { return vm_.stat(); }
  control::Facts facts() override { return vm_.facts(); }
  Result<hv::RegisterFile> registers(u64 cpu) override { return vm_.registers(cpu); }
  Result<std::vector<u8>> memory(u64 address, u64 length) override {
    return vm_.memory(address, length);
  }
  memory::SearchResult search(memory::GuestRange range, Bytes pattern) override {
    return vm_.search(range, pattern);
  }

 private:
  vmm::Vm& vm_;
};

// The exit status of an outcome; says what the user would otherwise not know. A reset is not worth
// a word when it leads to the next boot.
int status_of(vmm::Outcome outcome, bool reboot) {
  using Kind = vmm::Outcome::Kind;
  auto explain = [&](const char* what) {
    report(Streams{}, {Error::Kind::host, what + outcome.message, std::move(outcome.hint)});
  };
  switch (outcome.kind) {
    case Kind::power_off: return to_int(ExitStatus::success);
    case Kind::guest_code: return outcome.code;
    case Kind::reset:
      if (!reboot) print(STDERR_FILENO, "polyvisor: the guest reset itself.\n");
      return to_int(ExitStatus::reset);
    case Kind::panic:
      print(STDERR_FILENO, "polyvisor: the guest reported a panic.\n");
      return to_int(ExitStatus::panic);
    case Kind::stopped:
      print(STDERR_FILENO, "polyvisor: the run was ended from outside.\n");
      return to_int(ExitStatus::stopped);
    case Kind::hung:
      print(STDERR_FILENO, "polyvisor: the watchdog ended the run.\n");
      return to_int(ExitStatus::hung);
    case Kind::crash: explain("the guest crashed: "); return to_int(ExitStatus::crash);
    case Kind::host_error:
      // This process is sealed by now: it may not look for the cause itself.
      if (outcome.hint.empty())
        outcome.hint = "polyvisor doctor tries a guest of four instructions and says what it finds";
      explain("");
      return to_int(ExitStatus::host_error);
  }
  return to_int(ExitStatus::host_error);
}

// Before the process is sealed: what failed, in the doctor's words where one of its checks explains
// it. The system's own words are in the log.
std::unexpected<Error> explained(Log& log, Error error) {
  if (error.kind != Error::Kind::host && error.check.empty())
    return std::unexpected(std::move(error));
  log.info("{}", error.message);
  const doctor::LiveProbe probe(kvm::probe());
  return std::unexpected(doctor::explain(probe, std::move(error)));
}

// What a VM reads and writes besides its serial ports; names may be empty.
std::vector<std::string> files_of(const config::VmConfig& config) {
  std::vector<std::string> files{config.kernel,   config.initrd,     config.dtb,
                                 config.dump_dtb, config.trace.file, config.timeline};
  for (const config::Disk& disk : config.disks) files.push_back(disk.path);
  return files;
}

// `identity`: when the process that waits for the boots has it.
// `kernel`: a descriptor to be read instead of the configuration's file; -1: none.
Result<RunOutcome> run_once(const config::VmConfig& config, std::optional<Identity> identity,
                            const vmm::GdbListener* gdb, int kernel = -1) {
  const bool traced = !config.trace.file.empty() || !config.timeline.empty();
  const u64 launched_ns = traced ? device::HostClock().monotonic_ns() : 0;
  Log log(STDERR_FILENO, config.log_level);
  auto made = loop::EventLoop::create();
  if (!made) return explained(log, std::move(made).error());
  auto loop = *std::move(made);
  auto session = TRY(Session::create(*loop, log, config, {}, std::move(identity)));
  Watchdog watchdog;
  if (config.watchdog != 0) {
    watchdog = TRY(Watchdog::start(session->name(), config));
    session->set_client(watchdog.take_client());
  }
  int folder = session->registry_folder();
  jail::Options jail;
  std::vector<int> folders;  // in which names are removed at the end
  if (folder >= 0) folders.push_back(folder);
  if (gdb != nullptr && gdb->folder() >= 0) folders.push_back(gdb->folder());
  jail.unlink_in = folders;
  jail.last_act = &Terminal::rescue;
  const auto serials =
      config::effective_serials(config.serials, config.console == config::Console::virtio);
  const std::vector<std::string> files = files_of(config);
  auto ports = TRY(SerialPorts::create(*loop, log, serials,
                                       {STDOUT_FILENO, session->output(), *session}, files));
  auto assembled =
      vmm::Vm::create(config, {*loop, log, ports->ends(), jail, kernel, launched_ns, gdb});
  if (!assembled) return explained(log, std::move(assembled).error());
  auto vm = *std::move(assembled);
  Attached attached(*vm);
  TRY(session->attach(attached));
  TRY(ports->attach([&vm](usize serial, Bytes input) { return vm->serial_input(serial, input); }));
  auto outcome = vm->run();
  session->detach();  // the terminal first: what follows may have something to say
  if (config.exit_stats) print(STDERR_FILENO, vm->exit_report() + "\n");
  // Whoever waits for the end, or takes the name, relies on it that nothing of the VM is left.
  vm.reset();
  ports->detach();
  vmm::Outcome end = TRY(std::move(outcome));
  if (config.reboot && end.kind == vmm::Outcome::Kind::reset && session->stop_wanted())
    end = {vmm::Outcome::Kind::stopped, 0, {}, {}};
  const int status = status_of(std::move(end), config.reboot);
  session.reset();
  return RunOutcome{status};
}

// A file without a name. A kernel without memfd has /tmp, or this folder.
Result<Fd> nameless_file() {
  Fd file(::memfd_create("kernel", MFD_CLOEXEC));
  for (const char* folder : {"/tmp", "."})
    if (!file.valid()) file.reset(::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) return fail_errno("cannot make a file in memory", errno);
  return file;
}

}  // namespace

Result<RunOutcome> launch_from_memory(const config::VmConfig& config, Bytes kernel) {
  const Fd file = TRY(nameless_file());
  TRY(write_fully(file.get(), kernel));
  return run_once(config, {}, nullptr, file.get());
}

Result<RunOutcome> VmLauncher::launch(const config::VmConfig& config) {
  Log log(STDERR_FILENO, config.log_level);
  // For all boots: between two of them nobody else can take it, and who connects waits.
  std::optional<vmm::GdbListener> gdb;
  if (!config.gdb.empty()) {
    const config::GdbAddress address = TRY(config::parse_gdb_address(config.gdb));
    gdb.emplace(TRY(vmm::GdbListener::create(address, log)));
    print(STDERR_FILENO, text("polyvisor: gdb: {}\n", gdb->command()));
  }
  const vmm::GdbListener* listener = gdb ? &*gdb : nullptr;
  if (!config.reboot) return run_once(config, {}, listener);
  Boots boots;
  // The same for the name.
  Identity identity = TRY(Identity::create(log, config));
  return boots.run([&] { return run_once(config, std::move(identity), listener); });
}

}  // namespace pv::cli
