#include "vmm/vm.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "inspect/x86_64/triple_fault.h"
#include "jail/policies.h"
#include "kvm/debug_probe.h"
#include "kvm/ioctl_lists.h"
#include "vmm/reset_policy.h"

namespace pv::vmm {
namespace {

machine::IrqChipKind irqchip_of(config::IrqChip chip) {
  switch (chip) {
    case config::IrqChip::automatic: return machine::IrqChipKind::automatic;
    case config::IrqChip::gicv2: return machine::IrqChipKind::gicv2;
    case config::IrqChip::gicv3: return machine::IrqChipKind::gicv3;
    case config::IrqChip::plic: return machine::IrqChipKind::plic;
    case config::IrqChip::aia: return machine::IrqChipKind::aia;
    case config::IrqChip::mpic: return machine::IrqChipKind::mpic;
    case config::IrqChip::user: return machine::IrqChipKind::user;
  }
  return machine::IrqChipKind::automatic;
}

machine::VirtioBus virtio_bus_of(config::Transport transport) {
  switch (transport) {
    case config::Transport::mmio: return machine::VirtioBus::mmio;
    case config::Transport::pci: return machine::VirtioBus::pci;
    case config::Transport::pci_transitional: return machine::VirtioBus::pci_transitional;
  }
  return machine::VirtioBus::mmio;
}

// The loop's thread and its workers send messages, a vCPU's also moves doorbells: with PCI only.
template <const auto& policy, const auto& plain, const auto& with_pci>
const jail::Filter& filter_for(bool pci) {
  return pci ? jail::filter<policy, plain, with_pci, jail::terminal_ioctls>
             : jail::filter<policy, plain, jail::terminal_ioctls>;
}

}  // namespace

Vm::Vm(const config::VmConfig& config, Environment env) : config_(config), env_(env) {}

Vm::~Vm() {
  if (group_) group_->stop();
  for (auto& doorbell : doorbells_) env_.loop.unwatch(doorbell.get());
}

Result<std::unique_ptr<Vm>> Vm::create(const config::VmConfig& config, Environment env) {
  std::unique_ptr<Vm> vm(new Vm(config, env));
  TRY(vm->assemble());
  return vm;
}

Result<void> Vm::assemble() {
  files_ = TRY(open_files(config_, env_.kernel));
  tracing_ = Tracing::create(config_, files_, clock_, env_.launched_ns, env_.log);
  traced("files opened");
  host_ = TRY(kvm::Host::open());
  if (env_.gdb != nullptr) debug_limits_ = kvm::probe_debugging(*host_);
  entropy_ = TRY(device::HostEntropy::create());
  tick_ = TRY(Tick::create(env_.loop, [this] { return tick(); }));
  serials_ = std::make_unique<SerialSet>(env_.serials, [this] { tick_->wake(); });

  machine::Spec spec{.ram = config_.memory,
                     .cpus = config_.cpus,
                     .irqchip = irqchip_of(config_.irqchip),
                     .virtio = virtio_bus_of(config_.transport),
                     .board = config_.board};
  serials_->describe(spec);
  machine_ = TRY(machine::create(host_arch, spec));
  vm_ = TRY(host_->create_vm({machine_->highest_address(), config_.cpus}));
  for (const auto& range : machine_->ram()) {
    auto region = TRY(ram_.add(range, memory::Backing::anonymous));
    TRY(vm_->map_ram(region, false));
  }
  traced("VM and memory made");
  TRY(create_vcpus());
  traced("virtual CPUs made");

  std::vector<hv::Vcpu*> vcpus;
  for (auto& vcpu : vcpus_) vcpus.push_back(vcpu.get());
  if (tracing_)
    serials_->watch(
        [this](device::CharSink& out) -> device::CharSink& { return tracing_->watch(out); });
  virtio_ = std::make_unique<VirtioSet>(config_, files_, env_.loop, serials_->virtio_ports(),
                                        *entropy_, env_.log);
  machine::Wiring wiring{*vm_,
                         ram_,
                         mmio_,
                         pio_,
                         vcpus,
                         virtio_->devices(),
                         env_.loop,
                         clock_,
                         *this,
                         serials_->uarts(),
                         env_.log,
                         serials_->debugcon(),
                         virtio_->pci_devices()};
  if (config_.transport != config::Transport::mmio) {
    mmio_.set_doorbell_port(mmio_doorbells_.emplace(*vm_, hv::Space::mmio));
    pio_.set_doorbell_port(pio_doorbells_.emplace(*vm_, hv::Space::pio));
  }
  auto facts = TRY(vm_->facts(*vcpus_[0]));
  TRY(machine_->build(wiring, facts));
  traced("devices built");
  TRY(load());
  traced("kernel loaded");
  TRY(attach_doorbells());
  coalesce();
  undescribed_ =
      std::make_unique<Undescribed>(mmio_, ram_, irqchip_, config_.cpus, config_.nisv, env_.log);
  dispatcher_ =
      std::make_unique<Dispatcher>(*vm_, *machine_, mmio_, pio_, *undescribed_, env_.log,
                                   [this](Outcome outcome) { finish(std::move(outcome)); });
  dispatcher_->explain_triple_faults([this](hv::Vcpu& vcpu) -> std::string {
    const auto file = vcpu.read_registers({.general = true, .vector = false, .system = true});
    if (!file) return "and its registers cannot be read";
    return inspect::x86_64::explain_triple_fault(*file, [this](u64 address, MutableBytes into) {
      return ram_.read_bytes(memory::GuestAddress(address), into);
    });
  });
  return {};
}

Result<void> Vm::create_vcpus() {
  irqchip_ = TRY(
      machine_->choose_irqchip([this](machine::IrqChipKind kind) { return vm_->supports(kind); }));
  TRY(vm_->create_irqchip(irqchip_, config_.cpus));
  for (unsigned i = 0; i < config_.cpus; ++i) vcpus_.push_back(TRY(vm_->create_vcpu(i)));
  return vm_->finish_irqchip();
}

Result<void> Vm::load() {
  // None of numbers that may be predictable: the guest would trust them.
  std::array<u8, 64> numbers;
  const MutableBytes seed = MutableBytes(numbers).first(entropy_->ready() ? numbers.size() : 0);
  entropy_->fill(seed);
  machine::Payload payload{
      files_.kernel.get(), files_.initrd.get(), files_.device_tree.get(), config_.params, seed,
      clock_.wall_ns()};
  TRY(machine_->load(payload));
  env_.log.info("{}", machine_->summary());
  if (files_.device_tree_dump.valid()) {
    if (machine_->device_tree().empty())
      return fail(Error::Kind::usage, "--dump-dtb: this machine has no device tree");
    // Only now: until here the file's old content is not lost for nothing.
    if (::ftruncate(files_.device_tree_dump.get(), 0) < 0 && errno != EINVAL)
      return fail_errno("--dump-dtb: cannot empty the file", errno);
    TRY(write_fully(files_.device_tree_dump.get(), machine_->device_tree()), "--dump-dtb");
    files_.device_tree_dump.reset();
  }
  for (unsigned i = 0; i < config_.cpus; ++i)
    TRY(vm_->set_boot_state(*vcpus_[i], machine_->boot_state(i)), text("vCPU {}", i));
  if (config_.reset_policy != config::ResetPolicy::kvm) TRY(replace_unknown_registers());
  // Kernel and initrd are in guest memory; nothing reads the files again.
  files_.kernel.reset();
  files_.initrd.reset();
  files_.device_tree.reset();
  return {};
}

Result<Fd> Vm::make_doorbell(virtio::Transport& transport, u16 queue) {
  Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return fail_errno("cannot create an eventfd", errno);
  TRY(env_.loop.watch(event.get(), [fd = event.get(), &transport, queue] {
    u64 count;
    if (::read(fd, &count, sizeof count) == sizeof count) transport.notify_from_executor(queue);
  }));
  return event;
}

Result<void> Vm::replace_unknown_registers() {
  const auto random = [this] {
    u64 value = 0;
    entropy_->fill({reinterpret_cast<u8*>(&value), sizeof value});
    return value;
  };
  for (unsigned i = 0; i < config_.cpus; ++i)
    TRY(apply_reset_policy(*vcpus_[i], config_.reset_policy, random), text("vCPU {}", i));
  return {};
}

Result<void> Vm::attach_doorbells() {
  // On PCI it is the guest who decides where a doorbell is: the bus attaches them.
  for (virtio::VirtioPci* function : machine_->virtio_functions())
    for (u16 queue = 0; function->wants_ioevent() && queue < function->queue_count(); ++queue) {
      doorbells_.push_back(TRY(make_doorbell(*function, queue)));
      function->set_doorbell(queue, doorbells_.back().get());
    }
  for (const auto& slot : machine_->virtio_slots()) {
    virtio::VirtioMmio& transport = *slot.transport;
    for (u16 queue = 0; transport.wants_ioevent() && queue < transport.queue_count(); ++queue) {
      doorbells_.push_back(TRY(make_doorbell(transport, queue)));
      const bus::Doorbell doorbell{slot.address + virtio::VirtioMmio::notify_offset, 4,
                                   transport.notify_value(queue), doorbells_.back().get()};
      if (auto attached = vm_->attach_doorbell(hv::Space::mmio, doorbell); !attached) {
        env_.log.info("{}: queue notifications cost an exit each", attached.error().message);
        return {};
      }
    }
  }
  return {};
}

void Vm::coalesce() {
  for (const auto& window : machine_->posted_windows())
    if (auto done = vm_->coalesce_writes(window.space, window.range); !done)
      env_.log.info("{}: each write to the serial port costs an exit", done.error().message);
}

bool Vm::tick() {
  bool delivered = dispatcher_->drain_posted() != 0;
  if (tracing_) delivered |= tracing_->drain();
  return serials_->flush() || delivered;
}

// A step of the start is behind us.
void Vm::traced(const char* done) {
  if (tracing_) tracing_->moment(Tracing::Moment::Kind::launch, done);
}

Result<void> Vm::seal() {
  if (!config_.sandbox) return {};
  sealed_ = TRY(jail::seal_process(env_.jail));
  if (!sealed_.missing.empty()) env_.log.warn("{}", sealed_.missing);
  virtio_->on_thread([this, pci = config_.transport != config::Transport::mmio] {
    // A worker that cannot take its own filter keeps the loop's, which it inherits.
    [[maybe_unused]] auto entered = jail::enter(
        sealed_, pci ? jail::filter<jail::worker_policy, kvm::loop_ioctls, kvm::loop_pci_ioctls>
                     : jail::filter<jail::worker_policy, kvm::loop_ioctls>);
  });
  return {};
}

// The filter of a vCPU's thread. One that is debugged also writes registers.
Result<void> Vm::enter_vcpu_jail() {
  const bool pci = config_.transport != config::Transport::mmio;
  using jail::vcpu_policy, kvm::vcpu_pci_ioctls;
  const jail::Filter& filter =
      env_.gdb != nullptr ? filter_for<vcpu_policy, kvm::debugged_vcpu_ioctls, vcpu_pci_ioctls>(pci)
                          : filter_for<vcpu_policy, kvm::vcpu_ioctls, vcpu_pci_ioctls>(pci);
  return jail::enter(sealed_, filter);
}

Result<void> Vm::create_debugger() {
  Debugger::Hooks hooks;
  hooks.halted = [this] {
    dispatcher_->drain_posted();
    serials_->flush();
  };
  hooks.finish = [this](Outcome outcome) { end(std::move(outcome)); };
  hooks.exit_report = [this] { return exit_report(); };
  debugger_ = std::make_unique<Debugger>(*group_, ram_, env_.loop, debug_limits_, std::move(hooks));
  dispatcher_->set_debugger(
      [this](hv::Vcpu& vcpu, const hv::Debug& debug) { return debugger_->on_debug(vcpu, debug); });
  gdb_ = TRY(GdbServer::create(env_.loop, env_.log, *env_.gdb, *debugger_));
  return {};
}

Result<Outcome> Vm::run() {
  if (tracing_) {
    traced("VM assembled");
    vcpus_ = TRY(tracing_->begin(std::move(vcpus_), [this] { tick_->wake(); }));
  }
  TRY(seal());
  traced("sealed");
  const bool pci = config_.transport != config::Transport::mmio;
  group_ = std::make_unique<VcpuGroup>(
      std::move(vcpus_),
      [this](hv::Vcpu& vcpu, const hv::Exit& exit) { return dispatcher_->handle(vcpu, exit); },
      [this] { return enter_vcpu_jail(); },
      [this](Error error) {
        finish({Outcome::Kind::host_error, 0, std::move(error.message), std::move(error.hint)});
      });
  if (env_.gdb != nullptr) TRY(create_debugger());
  // The guest then starts with the first `continue`.
  if (config_.gdb_wait) debugger_->hold_start(true);
  started_ns_ = clock_.monotonic_ns();
  tick_->start();
  TRY(group_->start());
  TRY(jail::enter(sealed_,
                  filter_for<jail::loop_policy, kvm::loop_ioctls, kvm::loop_pci_ioctls>(pci)));
  // Every thread is sealed, or seals itself before it lets the guest run.
  group_->resume();
  TRY(env_.loop.run());
  group_->stop();
  tick_->stop();
  dispatcher_->drain_posted();
  serials_->flush();
  std::lock_guard lock(outcome_mutex_);
  Outcome outcome = outcome_.value_or(Outcome{Outcome::Kind::stopped, 0, {}, {}});
  if (tracing_) outcome = tracing_->finish(std::move(outcome));
  if (gdb_) gdb_->ended(outcome, config_.reboot);
  return outcome;
}

void Vm::finish(Outcome outcome) {
  using Kind = Outcome::Kind;
  bool broken = outcome.kind == Kind::crash || outcome.kind == Kind::panic;
  if (broken && debugger_ && debugger_->hold_end(outcome)) return;
  end(std::move(outcome));
}

void Vm::end(Outcome outcome) {
  {
    std::lock_guard lock(outcome_mutex_);
    if (!outcome_) outcome_ = std::move(outcome);
  }
  if (tracing_) tracing_->ended();
  env_.loop.stop();
}

usize Vm::console_input(Bytes input) {
  const auto serial = serials_->standard_input();
  return serial ? serial_input(*serial, input) : 0;
}

usize Vm::serial_input(usize serial, Bytes input) {
  const auto place = serials_->place(serial);
  return place.on_virtio ? virtio_->console()->feed(place.port, input)
                         : machine_->receive(place.port, input);
}

void Vm::console_resized(u16 rows, u16 columns) {
  if (virtio::Console* console = virtio_->console()) console->announce_size(columns, rows);
}

Result<void> Vm::pause() {
  group_->pause();
  for (virtio::Transport* transport : machine_->transports()) transport->pause();
  dispatcher_->drain_posted();
  serials_->flush();
  tick_->stop();
  return {};
}

Result<void> Vm::resume() {
  for (virtio::Transport* transport : machine_->transports()) transport->resume();
  tick_->start();
  group_->resume();
  return {};
}

Result<void> Vm::stop(control::Stopper by) {
  using Kind = Outcome::Kind;
  finish({by == control::Stopper::watchdog ? Kind::hung : Kind::stopped, 0, {}, {}});
  return {};
}

control::Stats Vm::stat() {
  control::Stats stats;
  stats.paused = group_->paused();
  stats.cpus = config_.cpus;
  stats.memory = config_.memory;
  stats.uptime_ms = (clock_.monotonic_ns() - started_ns_) / 1'000'000;
  for (usize cause = 0; cause < hv::exit_names.size(); ++cause) {
    u64 sum = 0;
    for (usize i = 0; i < group_->size(); ++i) sum += group_->stats(i)[cause];
    if (sum != 0) stats.counters.emplace_back(text("exits.{}", hv::exit_names[cause]), sum);
  }
  if (debugger_) {
    stats.counters.emplace_back("debugger.attached", debugger_->attached() ? 1 : 0);
    // Also before the first comes (--gdb-wait).
    const bool held = debugger_->stopped() || group_->paused(VcpuGroup::Why::debugger);
    stats.counters.emplace_back("debugger.stopped", held ? 1 : 0);
  }
  stats.counters.emplace_back("posted-writes", dispatcher_->delivered());
  stats.counters.emplace_back("console-bytes", serials_->bytes_written());
  stats.counters.emplace_back("console-polled", machine_->polls_for_input() ? 1 : 0);
  return stats;
}

control::Facts Vm::facts() {
  control::Facts facts;
  facts.cpus = config_.cpus;
  for (usize i = 0; i < ram_.region_count(); ++i) facts.ram.push_back(ram_.region(i).guest);
  return facts;
}

Result<hv::RegisterFile> Vm::registers(u64 cpu) {
  if (cpu >= group_->size())
    return fail(Error::Kind::usage, text("there is no CPU {}", cpu),
                text("this VM has CPUs 0 to {}", group_->size() - 1));
  Result<hv::RegisterFile> file = fail(Error::Kind::host, "the VM is ending");
  group_->on_vcpu(static_cast<unsigned>(cpu), [&](hv::Vcpu& vcpu) {
    file = vcpu.read_registers({.general = true, .vector = false, .system = true});
  });
  return file;
}

Result<std::vector<u8>> Vm::memory(u64 address, u64 length) {
  if (length > control::max_memory_reply)
    return fail(Error::Kind::usage, text("{} bytes are too many at once", length),
                text("at most {}", control::max_memory_reply));
  std::vector<u8> bytes(static_cast<usize>(length));
  if (!ram_.read_bytes(memory::GuestAddress(address), bytes))
    return fail(Error::Kind::usage, text("{:#x} is not guest RAM", address));
  return bytes;
}

memory::SearchResult Vm::search(memory::GuestRange range, Bytes pattern) {
  // Little at once: the loop has other things to do meanwhile, and a host may be slow.
  return memory::search(ram_, range, pattern, {.examined = 1_MiB});
}

std::string Vm::exit_report() const {
  u64 all = 0;
  std::string causes;
  for (usize cause = 0; cause < hv::exit_names.size(); ++cause) {
    u64 sum = 0;
    for (usize i = 0; i < group_->size(); ++i) sum += group_->stats(i)[cause];
    all += sum;
    if (sum != 0) causes += text("{}{} {}", causes.empty() ? "" : ", ", hv::exit_names[cause], sum);
  }
  return text("polyvisor: exits {} ({}); posted writes {}; console bytes {}", all, causes,
              dispatcher_->delivered(), serials_->bytes_written());
}

}  // namespace pv::vmm
