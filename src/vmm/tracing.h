// Tracing: what `--trace` and `--timeline` need of a VM: its vCPUs wrapped (traced_vcpu.h), their
// rings emptied into a file and a timeline by the monitor's tick, the moments of a start. There is
// none of it in a VM that is not traced.
//
// The files are opened with all others, before the process is sealed; a file that cannot take more
// (a full disk) ends the trace with a warning, never the run.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "config/vm_config.h"
#include "device/ports.h"
#include "trace/timeline.h"
#include "vmm/files.h"
#include "vmm/outcome.h"
#include "vmm/traced_vcpu.h"

namespace pv::vmm {

class Tracing {
 public:
  using Moment = trace::Timeline::Moment;

  // Takes its files from `files`; nullptr where the configuration wants nothing. `launched_ns`: by
  // the clock, when the run was launched. All outlive this.
  static std::unique_ptr<Tracing> create(const config::VmConfig& config, Files& files,
                                         device::Clock& clock, u64 launched_ns, Log& log);

  // A step of the start that has just been done. Loop's thread.
  void moment(Moment::Kind kind, std::string label);
  // The console's output on its way to `out`: the first byte is a moment.
  device::CharSink& watch(device::CharSink& out);

  // Before the process is sealed: files emptied, vCPUs wrapped; `wake` is called from their
  // threads. Errors: the file cannot be written; the host cannot single-step.
  Result<std::vector<std::unique_ptr<hv::Vcpu>>> begin(std::vector<std::unique_ptr<hv::Vcpu>> vcpus,
                                                       std::function<void()> wake);
  // The run has its outcome; nothing that follows is recorded. Any thread.
  void ended() { shared_.ended.store(true, std::memory_order_relaxed); }
  // Empties the rings; whether there was anything. Loop's thread.
  bool drain();
  // After the last run: writes what is left, and the page. The wrapped vCPUs still live. Gives the
  // run's outcome, or the error of a file that could not be written when all else went well.
  Outcome finish(Outcome outcome);

 private:
  class FirstOutput final : public device::CharSink {
   public:
    explicit FirstOutput(Tracing& tracing) : tracing_(tracing) {}
    void write(Bytes bytes) override;
    device::CharSink* out = nullptr;
    std::atomic<bool> seen{false};

   private:
    Tracing& tracing_;
  };
  struct Visits {
    machine::Places::Found place;
    // Where nothing is: an address without its low bits.
    bool port;
    u64 window;
    u64 count;
  };

  Tracing(const config::VmConfig& config, device::Clock& clock, u64 launched_ns, Log& log)
      : config_(config),
        clock_(clock),
        log_(log),
        shared_{clock, launched_ns, machine::Places(host_arch, config.board), {}, {}} {}
  u64 now() const { return clock_.monotonic_ns() - shared_.start_ns; }
  Result<void> write_header(usize vcpus);
  void write_file(Bytes records);
  void count(Bytes records);
  void count(const trace::Record& record);
  void count_place(const trace::Record& record);
  void name_places();
  Result<void> complete(const Outcome& outcome);
  Result<void> draw(const Outcome& outcome, u64 lost);

  const config::VmConfig& config_;
  device::Clock& clock_;
  Log& log_;
  TracedVcpu::Shared shared_;
  Fd file_;
  Fd page_;
  std::vector<TracedVcpu*> vcpus_;  // owned by the VM
  std::vector<u8> taken_;
  FirstOutput first_output_{*this};
  std::vector<Visits> visits_;
  u64 steps_ = 0;
  Result<void> cut_;  // why the trace ended before the run
  std::mutex mutex_;  // of the timeline: the first output comes from a vCPU's thread
  trace::Timeline timeline_;
};

}  // namespace pv::vmm
