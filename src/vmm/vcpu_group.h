// VcpuGroup: the vCPUs' threads and the one state they all follow: running, paused, stopping. There
// may be several reasons to be paused at once; it runs when the last has gone.
//
// pause() kicks every vCPU; each finishes its pending I/O and parks on its own thread. Whoever
// needs a vCPU's state runs a closure there with on_vcpu(), while it is parked or between two runs.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "hv/vcpu.h"
#include "vmm/exit_stats.h"

namespace pv::vmm {

class VcpuGroup {
 public:
  // What a vCPU does with an exit; called on its thread. False: this vCPU stops running (an end
  // of the VM has been reported).
  using Handler = std::function<bool(hv::Vcpu&, const hv::Exit&)>;
  // Called once on each thread before the first guest instruction (seccomp).
  using Prepare = std::function<Result<void>()>;
  using Failed = std::function<void(Error)>;
  // Who wants it paused.
  enum class Why : u8 { user = 1, debugger = 2 };

  VcpuGroup(std::vector<std::unique_ptr<hv::Vcpu>> vcpus, Handler handler, Prepare prepare,
            Failed failed);
  ~VcpuGroup();  // stops and joins

  // Makes the threads; when it returns all have prepared themselves. The guest runs from resume()
  // on. Errors: the host has no room for a thread; those already started are stopped by stop().
  Result<void> start();
  // Returns when every vCPU is parked. Not from a vCPU's thread.
  void pause(Why why = Why::user);
  // The same without waiting; any thread.
  void pause_soon(Why why);
  void resume(Why why = Why::user);
  // A vCPU that is held does not run with the others; while paused.
  void hold(unsigned index, bool held);
  // Parks for good; returns when all threads have ended. Not from a vCPU's thread.
  void stop();
  bool paused(Why why = Why::user) const;

  // Runs `work` on the vCPU's own thread, outside the guest, and waits for it. Not from a vCPU's
  // thread. Does nothing when the group is stopping.
  void on_vcpu(unsigned index, std::function<void(hv::Vcpu&)> work);

  usize size() const { return members_.size(); }
  const ExitStats& stats(usize index) const { return members_[index]->stats; }

 private:
  enum class State : u8 { going, stopping };
  struct Member {
    VcpuGroup* group;
    std::unique_ptr<hv::Vcpu> vcpu;
    pthread_t thread{};
    bool started = false;
    bool prepared = false;
    ExitStats stats;
    std::function<void(hv::Vcpu&)> work;
    bool parked = true;  // outside the guest, nothing pending
    bool ended = false;  // will not run again
    bool held = false;   // stays parked while the others run
  };

  void run(Member& member);
  bool attend(Member& member);
  bool finish(Member& member);
  void kick_all();
  bool all_parked() const;

  std::vector<std::unique_ptr<Member>> members_;
  Handler handler_;
  Prepare prepare_;
  Failed failed_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::going;
  u8 reasons_ = static_cast<u8>(Why::user);  // to be paused; 0: running
};

}  // namespace pv::vmm
