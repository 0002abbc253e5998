#include "cli/launch.h"

#include <unistd.h>

#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/exit_status.h"
#include "cli/reboot.h"
#include "cli/session.h"
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
  Result<void> stop() override { return vm_.stop(); }
  control::Stats stat() override { return vm_.stat(); }
  control::Facts facts() override { return vm_.facts(); }
  Result<hv::RegisterFile> registers(u64 cpu) override { return vm_.registers(cpu); }
  Result<std::vector<u8>> memory(u64 address, u64 length) override {
    return vm_.memory(address, length);
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
    case Kind::crash: explain("the guest crashed: "); return to_int(ExitStatus::crash);
    case Kind::host_error: explain(""); return to_int(ExitStatus::host_error);
  }
  return to_int(ExitStatus::host_error);
}

// `identity`: when the process that waits for the boots has it.
Result<RunOutcome> run_once(const config::VmConfig& config, std::optional<Identity> identity) {
  Log log(STDERR_FILENO, config.log_level);
  auto loop = TRY(loop::EventLoop::create());
  auto session = TRY(Session::create(*loop, log, config, {}, std::move(identity)));
  int folder = session->registry_folder();
  jail::Options jail;
  if (folder >= 0) jail.unlink_in = {&folder, 1};
  jail.last_act = &Terminal::rescue;
  auto vm = TRY(vmm::Vm::create(config, {*loop, log, session->output(), *session, jail}));
  Attached attached(*vm);
  TRY(session->attach(attached));
  auto outcome = vm->run();
  session->detach();  // the terminal first: what follows may have something to say
  if (config.exit_stats) print(STDERR_FILENO, vm->exit_report() + "\n");
  // Whoever waits for the end, or takes the name, relies on it that nothing of the VM is left.
  vm.reset();
  vmm::Outcome end = TRY(std::move(outcome));
  if (config.reboot && end.kind == vmm::Outcome::Kind::reset && session->stop_wanted())
    end = {vmm::Outcome::Kind::stopped, 0, {}, {}};
  const int status = status_of(std::move(end), config.reboot);
  session.reset();
  return RunOutcome{status};
}

}  // namespace

Result<RunOutcome> VmLauncher::launch(const config::VmConfig& config) {
  if (!config.reboot) return run_once(config, {});
  Boots boots;
  // For all boots: between two of them nobody else can take the name, and who connects waits.
  Log log(STDERR_FILENO, config.log_level);
  Identity identity = TRY(Identity::create(log, config));
  return boots.run([&] { return run_once(config, std::move(identity)); });
}

}  // namespace pv::cli
