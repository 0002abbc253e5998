#include "vmm/traced_vcpu.h"

#include "base/text.h"

namespace pv::vmm {
namespace {

using trace::Cause;
using trace::Record;

u64 port_value(std::span<const u8> data, usize width) {
  u64 value = 0;
  for (usize i = 0; i < width && i < data.size() && i < 8; ++i) value |= u64{data[i]} << (8 * i);
  return value;
}

void put_value(Record& record, u64 value) {
  record.value = value;
  record.flags |= trace::has_value;
}

void put_cause(Record& record, Cause cause) { record.cause = static_cast<u8>(cause); }

// One overload for each kind of exit: its cause and what is known of it.
void describe(Record& record, const hv::MmioRead& read) {
  put_cause(record, Cause::mmio_read);
  record.address = read.address.value();
  record.width = static_cast<u8>(bus::bytes(read.width));
}
void describe(Record& record, const hv::MmioWrite& write) {
  put_cause(record, Cause::mmio_write);
  record.address = write.address.value();
  record.width = static_cast<u8>(bus::bytes(write.width));
  put_value(record, write.value);
}
void describe(Record& record, const hv::Pio& io) {
  const usize width = static_cast<usize>(bus::bytes(io.width));
  record.address = io.port;
  record.width = static_cast<u8>(width);
  put_cause(record, Cause::port_read);
  if (!io.is_write) return;
  put_cause(record, Cause::port_write);
  put_value(record, port_value(io.data, width));
}
void describe(Record& record, const hv::Hypercall& call) {
  put_cause(record, Cause::hypercall);
  record.address = call.extension;
  put_value(record, call.function);
}
void describe(Record& record, const hv::Nisv& nisv) {
  put_cause(record, Cause::nisv);
  record.address = nisv.address.value();
  put_value(record, nisv.syndrome);
}
void describe(Record& record, const hv::Unemulated& access) {
  put_cause(record, Cause::unemulated);
  record.pc = access.pc;
  record.flags |= trace::has_pc;
}
void describe(Record& record, const hv::Debug& debug) {
  put_cause(record, Cause::debug);
  record.address = debug.address;
}
void describe(Record& record, const hv::FailEntry& entry) {
  put_cause(record, Cause::fail_entry);
  put_value(record, entry.reason);
}
void describe(Record& record, const hv::InternalError& error) {
  put_cause(record, Cause::internal_error);
  record.address = error.suberror;
  put_value(record, error.data[0]);
}
void describe(Record& record, const hv::SystemEvent& event) {
  put_cause(record, Cause::system_event);
  record.address = static_cast<u64>(event.type);
  put_value(record, event.detail);
}
void describe(Record& record, const hv::TripleFault&) { put_cause(record, Cause::triple_fault); }
void describe(Record& record, const hv::Halted&) { put_cause(record, Cause::halted); }
void describe(Record& record, const hv::Interrupted&) { put_cause(record, Cause::interrupted); }
void describe(Record& record, const hv::Unknown& unknown) {
  put_cause(record, Cause::unknown);
  put_value(record, unknown.reason);
}

}  // namespace

TracedVcpu::TracedVcpu(std::unique_ptr<hv::Vcpu> inner, usize ring_size, const Options& options,
                       const Shared& shared)
    : inner_(std::move(inner)),
      pc_index_(hv::RegisterFile(host_arch, hv::register_table(host_arch))
                    .index(hv::program_counter(host_arch))
                    .value_or(0)),
      options_(options),
      shared_(shared),
      ring_(ring_size) {}

Result<void> TracedVcpu::prepare() {
  if (!options_.steps) return {};
  if (!inner_->debug_limits().single_step)
    return fail(
        Error::Kind::host,
        text("--trace steps: this host's KVM cannot single-step a guest ({})", name(host_arch)),
        "use --trace exits, or a host of aarch64 or x86_64");
  hv::DebugControl control;
  control.enabled = true;
  control.single_step = true;
  return inner_->set_debug(control);
}

void TracedVcpu::enter() {
  first_entry_ns_ = now();
  entered_.store(true, std::memory_order_release);
  if (options_.steps) step();
}

Result<hv::Exit> TracedVcpu::run() {
  commit();
  if (!entered_.load(std::memory_order_relaxed)) enter();
  for (;;) {
    auto exit = inner_->run();
    if (!exit) return exit;
    if (!is_step(*exit)) {
      begin(*exit);
      return exit;
    }
    step();
  }
}

Result<std::optional<hv::Exit>> TracedVcpu::finish_pending() {
  commit();
  for (;;) {
    auto exit = inner_->finish_pending();
    if (!exit || !*exit) return exit;
    if (!is_step(**exit)) {
      begin(**exit);
      return exit;
    }
    step();
  }
}

bool TracedVcpu::is_step(const hv::Exit& exit) const {
  return options_.steps && std::holds_alternative<hv::Debug>(exit);
}

bool TracedVcpu::is_mark(const Record& record) const {
  const Cause cause = static_cast<Cause>(record.cause);
  if (cause != Cause::mmio_write && cause != Cause::port_write) return false;
  return shared_.places.is_mark(cause == Cause::port_write, record.address);
}

void TracedVcpu::begin(const hv::Exit& exit) {
  if (shared_.ended.load(std::memory_order_relaxed)) return;
  Record record{};
  record.time_ns = now();
  record.vcpu = static_cast<u16>(index());
  std::visit([&](const auto& cause) { describe(record, cause); }, exit);
  if (is_mark(record)) put_cause(record, Cause::mark);
  if (options_.pc && (record.flags & trace::has_pc) == 0)
    if (auto pc = inner_->read_register(pc_index_)) {
      record.pc = pc->low;
      record.flags |= trace::has_pc;
    }
  if (const auto* io = std::get_if<hv::Pio>(&exit); io != nullptr && !io->is_write)
    port_data_ = io->data;
  pending_ = record;
}

void TracedVcpu::complete_read(u64 value) {
  if (pending_) put_value(*pending_, value);
  inner_->complete_read(value);
}

void TracedVcpu::commit() {
  if (!pending_) return;
  if (!port_data_.empty()) put_value(*pending_, port_value(port_data_, pending_->width));
  port_data_ = {};
  put(*pending_);
  pending_.reset();
}

void TracedVcpu::put(const Record& record, std::span<const trace::StepRegister> behind) {
  if (options_.limit != 0 && records_ >= options_.limit) return;
  ring_.put(record, behind);
  shared_.wake();
  if (++records_ == options_.limit && options_.steps) stop_stepping();
}

// The state before the instruction at `pc`: what has changed since the record before.
void TracedVcpu::step() {
  if (shared_.ended.load(std::memory_order_relaxed)) return;
  auto file = inner_->read_registers({.general = true});
  if (!file) return;
  Record record{};
  record.time_ns = now();
  record.vcpu = static_cast<u16>(index());
  put_cause(record, Cause::step);
  if (file->known[pc_index_] != 0) {
    record.pc = file->values[pc_index_].low;
    record.flags |= trace::has_pc;
  }
  registers_.resize(file->values.size());
  known_.resize(file->values.size());
  constexpr usize most_changes = 255;
  trace::StepRegister changes[most_changes];
  usize count = 0;
  for (usize i = 0; i < file->values.size() && count < most_changes; ++i) {
    if (i == pc_index_ || file->known[i] == 0 ||
        (known_[i] != 0 && file->values[i] == registers_[i]))
      continue;
    registers_[i] = file->values[i];
    known_[i] = 1;
    changes[count] = {};
    changes[count].index = static_cast<u16>(i);
    changes[count++].value = file->values[i].low;
  }
  record.extra = static_cast<u8>(count);
  put(record, std::span(changes).first(count));
}

void TracedVcpu::stop_stepping() {
  options_.steps = false;
  (void)inner_->set_debug({});
}

Result<void> TracedVcpu::set_debug(const hv::DebugControl& control) {
  if (options_.steps)
    return fail(Error::Kind::usage, "the guest is being single-stepped for --trace steps",
                "leave --trace steps out to debug it");
  return inner_->set_debug(control);
}

}  // namespace pv::vmm
