#include "kvm/vcpu.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/endian.h"
#include "kvm/arch.h"

namespace pv::kvm {

int kick_signal() { return SIGRTMIN; }

Result<std::unique_ptr<Vcpu>> Vcpu::create(const Fd& vm, unsigned index, usize run_size) {
  Fd fd(TRY(checked_ioctl(vm, KVM_CREATE_VCPU, "a virtual CPU (KVM_CREATE_VCPU)",
                          static_cast<unsigned long>(index))));
  void* page = ::mmap(nullptr, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (page == MAP_FAILED) return fail_errno("cannot map the vCPU's kvm_run page", errno);
  return std::unique_ptr<Vcpu>(
      new Vcpu(vm, std::move(fd), index, static_cast<kvm_run*>(page), run_size));
}

Vcpu::~Vcpu() {
  ::munmap(run_, run_size_);
  if (shared_ != nullptr) ::munmap(shared_, shared_size_);
}

Result<void> Vcpu::share(usize size) {
  void* area = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) return fail_errno("cannot allocate memory for a vCPU", errno);
  shared_ = area;
  shared_size_ = size;
  return {};
}

void Vcpu::bind_thread() {
  // The handler does nothing: that the signal arrives is what ends KVM_RUN.
  struct sigaction action{};
  action.sa_handler = [](int) {};
  ::sigaction(kick_signal(), &action, nullptr);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, kick_signal());
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  process_ = ::getpid();
  thread_.store(::gettid(), std::memory_order_release);
}

void Vcpu::kick() {
  // immediate_exit closes the window between "about to enter" and the signal's arrival.
  kicked_.store(true, std::memory_order_seq_cst);
  std::atomic_ref<u8>(run_->immediate_exit).store(1, std::memory_order_seq_cst);
  // Not pthread_kill(): a device may raise its line when the thread has ended.
  if (const pid_t thread = thread_.load(std::memory_order_acquire); thread != 0)
    ::tgkill(process_, thread, kick_signal());
}

void Vcpu::clear_kick() {
  kicked_.store(false, std::memory_order_seq_cst);
  std::atomic_ref<u8>(run_->immediate_exit).store(0, std::memory_order_seq_cst);
}

// KVM says in kvm_run what an interrupt controller of ours must be told (KVM_CAP_ARM_USER_IRQ).
void Vcpu::report_private_interrupts() {
  u64 levels = arch::private_levels(*this);
  u64 changed = levels ^ private_levels_;
  private_levels_ = levels;
  for (Private which : {Private::virtual_timer, Private::physical_timer, Private::pmu}) {
    u64 bit = u64{1} << static_cast<unsigned>(which);
    if ((changed & bit) != 0) private_sink_(which, (levels & bit) != 0);
  }
}

// Linux changes other bits of the word that holds this input whenever it loads a vCPU, by a plain
// load and store (arch/arm64/include/asm/kvm_emulate.h, vcpu_set_wfx_traps() and its like; seen with
// 6.1). What another thread sets meanwhile is lost, and the guest's CPU with it. So the vCPU's own
// thread sets it, when the vCPU is not loaded.
void Vcpu::drive_input() {
  const bool wanted = input_.load();
  if (wanted == driven_input_) return;
  driven_input_ = wanted;
  arch::set_external_interrupt(*this, wanted);
}

void Vcpu::set_external_interrupt(bool level) {
  if (!arch::input_by_own_thread) return arch::set_external_interrupt(*this, level);
  input_.store(level);
  // One that goes away is seen at the next exit: at the latest the one that asks which it is.
  if (level && ::gettid() != thread_.load(std::memory_order_acquire)) kick();
}

Result<hv::Exit> Vcpu::run() {
  if (arch::input_by_own_thread) drive_input();
  if (debug_.single_step && arch::forgets_steps) [[unlikely]]
    TRY(arch::set_debug(*this, debug_));
  int result = ::ioctl(fd_.get(), KVM_RUN, 0);
  int error = errno;
  if (private_sink_) [[unlikely]]
    report_private_interrupts();
  if (result < 0) [[unlikely]] {
    if (error == EINTR || error == EAGAIN) return hv::Interrupted{};
    return arch::explain_run_failure(*this, error);
  }
  return decode();
}

Result<std::optional<hv::Exit>> Vcpu::finish_pending() {
  std::atomic_ref<u8> immediate_exit(run_->immediate_exit);
  immediate_exit.store(1);
  int result = ::ioctl(fd_.get(), KVM_RUN, 0);
  int error = errno;
  immediate_exit.store(0);
  if (kicked_.load()) immediate_exit.store(1);  // also when the kick came meanwhile
  if (result == 0) return TRY(decode());
  if (error == EINTR || error == EAGAIN) return std::nullopt;
  return fail_errno("KVM cannot finish the vCPU's pending I/O", error);
}

namespace {

bool natural(u32 length, hv::Width& width) {
  width = static_cast<hv::Width>(length);
  return length == 1 || length == 2 || length == 4 || length == 8;
}

// KVM keeps MMIO data as the guest's load or store would touch memory, in host byte order.
u64 load_data(const u8* data, u32 length) {
  u64 value = 0;
  switch (length) {
    case 1: return *data;
    case 2: return load_as<u16>({data, 2}, 0);
    case 4: return load_as<u32>({data, 4}, 0);
    case 8: std::memcpy(&value, data, 8);
  }
  return value;
}

void store_data(u8* data, u32 length, u64 value) {
  u16 half = static_cast<u16>(value);
  u32 word = static_cast<u32>(value);
  switch (length) {
    case 1: *data = static_cast<u8>(value); break;
    case 2: std::memcpy(data, &half, 2); break;
    case 4: std::memcpy(data, &word, 4); break;
    default: std::memcpy(data, &value, 8);
  }
}

hv::Exit decode_mmio(kvm_run& run) {
  memory::GuestAddress address(run.mmio.phys_addr);
  hv::Width width;
  if (!natural(run.mmio.len, width)) {
    // An odd width that no device has: reads as all ones, a write goes nowhere.
    std::memset(run.mmio.data, 0xff, sizeof run.mmio.data);
    return hv::Interrupted{};
  }
  if (run.mmio.is_write != 0)
    return hv::MmioWrite{address, width, load_data(run.mmio.data, run.mmio.len)};
  return hv::MmioRead{address, width};
}

hv::Exit decode_system_event(const kvm_run& run) {
  using Type = hv::SystemEvent::Type;
  u64 detail = run.system_event.ndata > 0 ? run.system_event.data[0] : 0;
  switch (run.system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN: return hv::SystemEvent{Type::shutdown, detail};
    case KVM_SYSTEM_EVENT_RESET: return hv::SystemEvent{Type::reset, detail};
    case KVM_SYSTEM_EVENT_CRASH: return hv::SystemEvent{Type::crash, detail};
    case KVM_SYSTEM_EVENT_SUSPEND: return hv::SystemEvent{Type::suspend, detail};
  }
  return hv::Unknown{run.exit_reason};
}

hv::Exit decode_internal_error(const kvm_run& run) {
  hv::InternalError error{run.internal.suberror, {}};
  for (u32 i = 0; i < run.internal.ndata && i < error.data.size(); ++i)
    error.data[i] = run.internal.data[i];
  return error;
}

}  // namespace

Result<hv::Exit> Vcpu::decode() {
  kvm_run& run = *run_;
  switch (run.exit_reason) {
    case KVM_EXIT_MMIO: return decode_mmio(run);
    case KVM_EXIT_IO: {
      hv::Width width;
      if (!natural(run.io.size, width)) return hv::Unknown{run.exit_reason};
      u8* data = reinterpret_cast<u8*>(run_) + run.io.data_offset;
      return hv::Pio{run.io.port,
                     width,
                     run.io.direction == KVM_EXIT_IO_OUT,
                     {data, usize{run.io.size} * run.io.count}};
    }
    case KVM_EXIT_INTR: return hv::Interrupted{};
    case KVM_EXIT_SYSTEM_EVENT: return decode_system_event(run);
    case KVM_EXIT_SHUTDOWN: return hv::TripleFault{};
    case KVM_EXIT_HLT: return hv::Halted{};
    case KVM_EXIT_FAIL_ENTRY: return hv::FailEntry{run.fail_entry.hardware_entry_failure_reason};
    case KVM_EXIT_DEBUG: return arch::decode_debug(*this);
    case KVM_EXIT_INTERNAL_ERROR: return decode_internal_error(run);
    default: return arch::decode_exit(*this);
  }
}

void Vcpu::complete_read(u64 value) { store_data(run_->mmio.data, run_->mmio.len, value); }

void Vcpu::complete_call(i64 error, u64 value) { arch::complete_call(*this, error, value); }

namespace {

// A register as KVM moves it: its bytes in the host's order, as many as the identifier's size field
// says.
class MovedRegister {
 public:
  explicit MovedRegister(u64 id, hv::RegisterValue value = {}) : id_(id) {
    store_data(bytes_.data(), low_size(), value.low);
    if (size() == 16) store_data(bytes_.data() + 8, 8, value.high);
  }
  // Wider ones (vectors of SVE and V) are not moved by these calls.
  bool fits() const { return size() <= bytes_.size(); }
  hv::RegisterValue value() const {
    return {load_data(bytes_.data(), low_size()),
            size() == 16 ? load_data(bytes_.data() + 8, 8) : 0};
  }
  kvm_one_reg request() { return {id_, reinterpret_cast<uintptr_t>(bytes_.data())}; }

 private:
  usize size() const { return usize{1} << ((id_ & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT); }
  u32 low_size() const { return static_cast<u32>(std::min<usize>(size(), 8)); }

  u64 id_;
  std::array<u8, 16> bytes_{};
};

}  // namespace

Result<u64> Vcpu::get_reg(u64 id, const char* name) const {
  MovedRegister moved(id);
  kvm_one_reg request = moved.request();
  TRY(checked_ioctl(fd_, KVM_GET_ONE_REG, name, &request));
  return moved.value().low;
}

bool Vcpu::try_get_reg(u64 id, u64& value) const {
  hv::RegisterValue wide;
  const bool known = try_get_wide(id, wide);
  value = wide.low;
  return known;
}

bool Vcpu::try_get_wide(u64 id, hv::RegisterValue& value) const {
  MovedRegister moved(id);
  kvm_one_reg request = moved.request();
  if (!moved.fits() || try_ioctl(fd_, KVM_GET_ONE_REG, &request) < 0) return false;
  value = moved.value();
  return true;
}

Result<void> Vcpu::set_reg(u64 id, u64 value, const char* name) {
  return set_wide(id, {value, 0}, name);
}

Result<void> Vcpu::set_wide(u64 id, hv::RegisterValue value, const char* name) {
  MovedRegister moved(id, value);
  if (!moved.fits()) return fail(Error::Kind::host, text("{} is too wide", name));
  kvm_one_reg request = moved.request();
  TRY(checked_ioctl(fd_, KVM_SET_ONE_REG, name, &request));
  return {};
}

namespace {

hv::Activity activity(const Fd& vcpu) {
  kvm_mp_state state{};
  if (try_ioctl(vcpu, KVM_GET_MP_STATE, &state) < 0) return hv::Activity::unknown;
  switch (state.mp_state) {
    case KVM_MP_STATE_RUNNABLE: return hv::Activity::running;
    case KVM_MP_STATE_HALTED: return hv::Activity::halted;
    case KVM_MP_STATE_UNINITIALIZED:
    case KVM_MP_STATE_INIT_RECEIVED:
    case KVM_MP_STATE_SIPI_RECEIVED: return hv::Activity::waits_for_start;
    case KVM_MP_STATE_STOPPED: return hv::Activity::stopped;
    case KVM_MP_STATE_SUSPENDED: return hv::Activity::suspended;
  }
  return hv::Activity::unknown;
}

}  // namespace

Result<hv::RegisterFile> Vcpu::read_registers(hv::RegisterGroups groups) {
  hv::RegisterFile file(host_arch, hv::register_table(host_arch));
  TRY(arch::read_registers(*this, groups, file));
  if (groups.system) file.activity = activity(fd_);
  return file;
}

Result<hv::RegisterValue> Vcpu::read_register(usize index) {
  if (index >= hv::register_table(host_arch).size())
    return fail(Error::Kind::usage, "no such register");
  return arch::read_register(*this, index);
}

Result<void> Vcpu::write_register(usize index, hv::RegisterValue value) {
  if (index >= hv::register_table(host_arch).size())
    return fail(Error::Kind::usage, "no such register");
  return arch::write_register(*this, index, value);
}

Result<void> Vcpu::set_debug(const hv::DebugControl& control) {
  TRY(arch::set_debug(*this, control));
  debug_ = control;
  return {};
}

Result<bool> Vcpu::deliver_breakpoint(const hv::DebugControl& control) {
  return arch::deliver_breakpoint(*this, control);
}

hv::DebugLimits Vcpu::debug_limits() { return arch::debug_limits(vm_, *this); }

}  // namespace pv::kvm
