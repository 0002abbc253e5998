#include "vmm/tracing.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace pv::vmm {
namespace {

using trace::Cause;
using trace::Record;

constexpr usize ring_size = usize{1} << 18;
constexpr usize step_ring_size = usize{1} << 20;

Result<void> empty(const Fd& file, const char* option) {
  // A pipe has nothing to be emptied.
  if (::ftruncate(file.get(), 0) < 0 && errno != EINVAL)
    return fail_errno(text("{}: cannot empty the file", option), errno);
  return {};
}

std::string words_for(const Outcome& outcome) {
  using Kind = Outcome::Kind;
  switch (outcome.kind) {
    case Kind::power_off: return "the guest powered off";
    case Kind::reset: return "the guest reset itself";
    case Kind::panic: return "the guest panicked";
    case Kind::guest_code: return text("the guest ended with status {}", outcome.code);
    case Kind::stopped: return "ended from outside";
    case Kind::hung: return "the watchdog ended it";
    case Kind::crash: return "the guest crashed: " + outcome.message;
    case Kind::host_error: return "the host failed: " + outcome.message;
  }
  return {};
}

bool is_port(const Record& record) {
  const Cause cause = static_cast<Cause>(record.cause);
  return cause == Cause::port_read || cause == Cause::port_write;
}

// Marks have numbers; the first few have a meaning (docs/boot-contract.md).
std::string mark_name(u64 number) {
  if (number == 1) return "init";
  if (number == 2) return "ready";
  return text("mark {}", number);
}

}  // namespace

std::unique_ptr<Tracing> Tracing::create(const config::VmConfig& config, Files& files,
                                         device::Clock& clock, u64 launched_ns, Log& log) {
  if (!files.trace.valid() && !files.timeline.valid()) return nullptr;
  std::unique_ptr<Tracing> tracing(new Tracing(config, clock, launched_ns, log));
  tracing->file_ = std::move(files.trace);
  tracing->page_ = std::move(files.timeline);
  return tracing;
}

void Tracing::moment(Moment::Kind kind, std::string label) {
  std::lock_guard lock(mutex_);
  timeline_.moment(now(), kind, std::move(label));
}

device::CharSink& Tracing::watch(device::CharSink& out) {
  if (!page_.valid()) return out;
  first_output_.out = &out;
  return first_output_;
}

void Tracing::FirstOutput::write(Bytes bytes) {
  if (!bytes.empty() && !seen.exchange(true, std::memory_order_relaxed))
    tracing_.moment(Moment::Kind::guest, "first output");
  out->write(bytes);
}

Result<void> Tracing::write_header(usize vcpus) {
  const bool steps = config_.trace.what == config::TraceKind::steps;
  trace::Header header{};
  std::memcpy(header.magic, trace::magic, sizeof header.magic);
  header.version = trace::version;
  header.header_size = static_cast<u32>(sizeof header);
  header.arch = trace::number_of(host_arch);
  header.kind = static_cast<u8>(steps ? trace::Kind::steps : trace::Kind::exits);
  header.vcpus = static_cast<u16>(vcpus);
  header.record_size = static_cast<u32>(sizeof(Record));
  header.wall_ns = clock_.wall_ns() - now();
  std::memcpy(header.board, config_.board.data(),
              std::min(config_.board.size(), sizeof header.board));
  if (steps) header.registers = static_cast<u32>(hv::register_table(host_arch).size());
  return write_fully(file_.get(), {reinterpret_cast<const u8*>(&header), sizeof header});
}

Result<std::vector<std::unique_ptr<hv::Vcpu>>> Tracing::begin(
    std::vector<std::unique_ptr<hv::Vcpu>> vcpus, std::function<void()> wake) {
  if (file_.valid()) {
    TRY(empty(file_, "--trace"));
    TRY(write_header(vcpus.size()), "--trace");
  }
  if (page_.valid()) TRY(empty(page_, "--timeline"));
  shared_.wake = std::move(wake);
  const bool steps = config_.trace.what == config::TraceKind::steps;
  const TracedVcpu::Options options{file_.valid(), steps, config_.trace.limit};
  for (auto& vcpu : vcpus) {
    auto traced = std::make_unique<TracedVcpu>(std::move(vcpu), steps ? step_ring_size : ring_size,
                                               options, shared_);
    TRY(traced->prepare());
    vcpus_.push_back(traced.get());
    vcpu = std::move(traced);
  }
  return vcpus;
}

bool Tracing::drain() {
  taken_.clear();
  for (TracedVcpu* vcpu : vcpus_) vcpu->ring().take(taken_);
  if (taken_.empty()) return false;
  write_file(taken_);
  count(taken_);
  return true;
}

void Tracing::write_file(Bytes records) {
  if (!file_.valid()) return;
  if (auto written = write_fully(file_.get(), records); !written) {
    log_.warn("--trace: {}: the trace ends here", written.error().message);
    file_.reset();
    cut_ = std::move(written);
  }
}

void Tracing::count(Bytes records) {
  std::lock_guard lock(mutex_);
  for (usize at = 0; at + sizeof(Record) <= records.size();) {
    const auto record = load_as<Record>(records, at);
    at += sizeof(Record) + record.extra * sizeof(trace::StepRegister);
    count(record);
  }
}

void Tracing::count(const Record& record) {
  const Cause cause = static_cast<Cause>(record.cause);
  if (cause == Cause::step) ++steps_;
  if (!page_.valid() || cause == Cause::step || cause == Cause::lost) return;
  if (cause == Cause::mark)
    timeline_.moment(record.time_ns, Moment::Kind::mark, mark_name(record.value));
  timeline_.count(record.time_ns, cause);
  count_place(record);
}

void Tracing::count_place(const Record& record) {
  const Cause cause = static_cast<Cause>(record.cause);
  const bool port = is_port(record);
  if (!port && cause != Cause::mmio_read && cause != Cause::mmio_write) return;
  const auto place = shared_.places.find(port, record.address);
  u64 window = 0;
  if (place.name.empty()) window = port ? u64{record.address} : record.address & ~u64{0xff};
  for (Visits& visits : visits_)
    if (visits.place == place && visits.window == window && visits.port == port) {
      ++visits.count;
      return;
    }
  constexpr usize most = 64;
  if (visits_.size() < most) visits_.push_back({place, port, window, 1});
}

void Tracing::name_places() {
  for (const Visits& visits : visits_) {
    std::string name = visits.place.words();
    if (name.empty())
      name = text("{} {:#x}: nothing there", visits.port ? "port" : "address", visits.window);
    timeline_.count_place(std::move(name), visits.count);
  }
}

Result<void> Tracing::complete(const Outcome& outcome) {
  u64 lost = 0;
  for (TracedVcpu* vcpu : vcpus_) {
    vcpu->commit();
    lost += vcpu->ring().lost();
  }
  drain();
  if (lost != 0)
    log_.warn("--trace: {} records were lost: the guest was faster than the file", lost);
  if (config_.trace.what == config::TraceKind::steps && steps_ <= vcpus_.size())
    log_.warn("--trace steps: this host's KVM took the request to single-step and did not do it");
  TRY(cut_, "--trace");
  if (page_.valid()) TRY(draw(outcome, lost), "--timeline");
  return {};
}

Outcome Tracing::finish(Outcome outcome) {
  auto kept = complete(outcome);
  if (kept) return outcome;
  if (outcome.successful())
    return {Outcome::Kind::host_error, 0, kept.error().message, kept.error().hint};
  log_.warn("{}", kept.error().message);
  return outcome;
}

Result<void> Tracing::draw(const Outcome& outcome, u64 lost) {
  std::lock_guard lock(mutex_);
  if (!vcpus_.empty())
    if (auto entry = vcpus_[0]->first_entry_ns())
      timeline_.moment(*entry, Moment::Kind::guest, "first instruction");
  const u64 end = now();
  timeline_.moment(end, Moment::Kind::end, words_for(outcome));
  name_places();
  const trace::TimelineTitle title{config_.kernel,
                                   std::string(name(host_arch)),
                                   PV_VERSION,
                                   words_for(outcome),
                                   config_.cpus,
                                   config_.memory,
                                   clock_.wall_ns() - end,
                                   end,
                                   lost};
  const std::string page = trace::timeline_page(timeline_, title);
  return write_fully(page_.get(), bytes_of(page));
}

}  // namespace pv::vmm
