#include "kvm/probe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/text.h"
#include "kvm/host.h"

namespace pv::kvm {
namespace {

using arch::NamedCapability;
using doctor::KvmReport;

constexpr int patience_ms = 10'000;
constexpr u64 trial_ram = 64_KiB;

// riscv64's headers (6.1) do not have the name; the number is the same everywhere.
constexpr int set_guest_debug = 23;

constexpr NamedCapability common[] = {
    PV_CAPABILITY(KVM_CAP_IRQCHIP),
    PV_CAPABILITY(KVM_CAP_NR_VCPUS),
    PV_CAPABILITY(KVM_CAP_MAX_VCPUS),
    PV_CAPABILITY(KVM_CAP_NR_MEMSLOTS),
    PV_CAPABILITY(KVM_CAP_IOEVENTFD),
    PV_CAPABILITY(KVM_CAP_IRQFD),
    PV_CAPABILITY(KVM_CAP_IRQFD_RESAMPLE),
    PV_CAPABILITY(KVM_CAP_IRQ_ROUTING),
    PV_CAPABILITY(KVM_CAP_SIGNAL_MSI),
    PV_CAPABILITY(KVM_CAP_COALESCED_MMIO),
    PV_CAPABILITY(KVM_CAP_COALESCED_PIO),
    PV_CAPABILITY(KVM_CAP_READONLY_MEM),
    PV_CAPABILITY(KVM_CAP_DEVICE_CTRL),
    PV_CAPABILITY(KVM_CAP_ONE_REG),
    PV_CAPABILITY(KVM_CAP_IMMEDIATE_EXIT),
    PV_CAPABILITY(KVM_CAP_MP_STATE),
    NamedCapability{"KVM_CAP_SET_GUEST_DEBUG", set_guest_debug},
    PV_CAPABILITY(KVM_CAP_GUEST_DEBUG_HW_BPS),
    PV_CAPABILITY(KVM_CAP_GUEST_DEBUG_HW_WPS),
    PV_CAPABILITY(KVM_CAP_DIRTY_LOG_RING),
    PV_CAPABILITY(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2),
    PV_CAPABILITY(KVM_CAP_HALT_POLL),
};

void ask(const Fd& fd, std::span<const NamedCapability> list, KvmReport& report) {
  for (const NamedCapability& capability : list) {
    const int value =
        try_ioctl(fd, KVM_CHECK_EXTENSION, static_cast<unsigned long>(capability.number));
    report.capabilities.push_back({capability.name, value < 0 ? 0 : value});
  }
}

// The trial's process says on `out` which stage begins, a letter for each, and at its end "!" or
// the sentence of what failed.
class Trial {
 public:
  explicit Trial(int out) : out_(out) {}

  Result<void> run(const char* path) {
    stage('v');
    const Host host = TRY(Host::open(path));
    auto vm = TRY(host.create_vm({.highest_address = 0xffff'ffff, .cpus = 1}));
    arch::TrialGuest guest = arch::trial_guest(*vm);
    stage('m');
    memory::GuestMemory ram;
    auto region =
        TRY(ram.add({memory::GuestAddress(guest.ram_base), trial_ram}, memory::Backing::anonymous));
    TRY(vm->map_ram(region, false));
    TRY(ram.write_bytes(memory::GuestAddress(guest.entry), guest.code)
            ? Result<void>{}
            : fail(Error::Kind::host, "the program does not fit"));
    stage('i');
    TRY(vm->create_irqchip(guest.irqchip, 1));
    stage('c');
    auto vcpu = TRY(vm->create_vcpu(0));
    TRY(vm->finish_irqchip());
    stage('s');
    TRY(vm->set_boot_state(*vcpu, guest.state));
    stage('r');
    return enter(*vcpu, guest.device);
  }

  void say(std::string_view words) const {
    [[maybe_unused]] auto written = write_fully(out_, bytes_of(words));
  }

 private:
  void stage(char letter) const { say({&letter, 1}); }

  static Result<void> enter(hv::Vcpu& vcpu, u64 device) {
    for (int turn = 0; turn < 16; ++turn) {
      const hv::Exit exit = TRY(vcpu.run());
      if (std::holds_alternative<hv::Interrupted>(exit)) continue;
      const auto* write = std::get_if<hv::MmioWrite>(&exit);
      if (write == nullptr)
        return fail(Error::Kind::host,
                    text("the guest left with \"{}\" instead of a store to a device",
                         hv::exit_names[exit.index()]));
      if (write->address.value() != device || write->value != trial_value ||
          write->width != hv::Width::word)
        return fail(
            Error::Kind::host,
            text("the guest stored {:#x} ({} bytes) at {:#x} instead of {:#x} (4 bytes) at {:#x}",
                 write->value, bus::bytes(write->width), write->address.value(), trial_value,
                 device));
      return {};
    }
    return fail(Error::Kind::host, "the guest was interrupted again and again");
  }

  int out_;
};

const char* stage_name(char letter) {
  switch (letter) {
    case 'v': return "VM";
    case 'm': return "memory";
    case 'i': return "interrupt controller";
    case 'c': return "CPU";
    case 's': return "registers";
    case 'r': return "run";
  }
  return "start";
}

[[noreturn]] void trial_process(int out, const char* path) {
  Trial trial(out);
  const auto done = trial.run(path);
  trial.say(done ? std::string("!") : "\n" + done.error().message);
  ::_exit(0);
}

// In a process of its own, so that a host which hangs or faults there can be told of.
void try_guest(const char* path, KvmReport::Trial& trial) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return;
  Fd from(ends[0]), to(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return;
  if (child == 0) trial_process(to.get(), path);
  to.reset();
  trial.attempted = true;
  std::string answer;
  trial.hung = !collect(from.get(), patience_ms, 4096, answer);
  if (trial.hung) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const usize stages = std::min(answer.find_first_of("!\n"), answer.size());
  trial.reached = stage_name(stages == 0 ? ' ' : answer[stages - 1]);
  trial.passed = !trial.hung && answer.substr(stages) == "!";
  if (!trial.passed && !trial.hung && WIFSIGNALED(status)) trial.killed_by = WTERMSIG(status);
  if (stages < answer.size() && answer[stages] == '\n') trial.failure = answer.substr(stages + 1);
}

// A VM with one vCPU and nothing else, for what only such a one can be asked.
Result<void> look_at_vcpu(const char* path, KvmReport& report) {
  const Host host = TRY(Host::open(path));
  auto vm = TRY(host.create_vm({.highest_address = 0xffff'ffff, .cpus = 1}));
  const arch::TrialGuest guest = arch::trial_guest(*vm);
  TRY(vm->create_irqchip(guest.irqchip, 1));
  auto vcpu = TRY(vm->create_vcpu(0));
  arch::probe_vcpu(*vm, static_cast<const Vcpu&>(*vcpu), report);
  return {};
}

}  // namespace

KvmReport probe(const char* path) {
  KvmReport report;
  arch::probe_processor(report);
  const Fd kvm(::open(path, O_RDWR | O_CLOEXEC));
  if (!kvm.valid()) {
    report.open_error = errno;
    return report;
  }
  report.api_version = try_ioctl(kvm, KVM_GET_API_VERSION);
  if (report.api_version != KVM_API_VERSION) return report;
  // Type 0 is a VM with the default size of addresses; the trial asks for what it needs.
  const int made = try_ioctl(kvm, KVM_CREATE_VM, 0ul);
  report.create_vm_error = made < 0 ? -made : 0;
  const Fd vm(made < 0 ? -1 : made);
  ask(vm.valid() ? vm : kvm, common, report);
  ask(vm.valid() ? vm : kvm, arch::capabilities(), report);
  if (!vm.valid()) return report;
  arch::probe_controllers(vm, report);
  [[maybe_unused]] auto looked = look_at_vcpu(path, report);  // the trial tells what is wrong
  try_guest(path, report.trial);
  return report;
}

}  // namespace pv::kvm
