#include "vmm/vcpu_group.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace pv::vmm {

VcpuGroup::VcpuGroup(std::vector<std::unique_ptr<hv::Vcpu>> vcpus, Handler handler, Prepare prepare,
                     Failed failed)
    : handler_(std::move(handler)), prepare_(std::move(prepare)), failed_(std::move(failed)) {
  members_.reserve(vcpus.size());
  for (auto& vcpu : vcpus) {
    members_.push_back(std::make_unique<Member>());
    members_.back()->group = this;
    members_.back()->vcpu = std::move(vcpu);
  }
}

VcpuGroup::~VcpuGroup() { stop(); }

// Not std::thread: its constructor reports a failure by an exception, which this binary does not
// have. The stack is smaller than a huge page: with the default 8 MiB a host that hands out huge
// pages freely spends 2 MiB on each thread's first touch.
Result<void> VcpuGroup::start() {
  constexpr usize stack_size = 512 * 1024;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, stack_size);
  for (auto& member : members_) {
    auto main = [](void* argument) -> void* {
      auto* m = static_cast<Member*>(argument);
      m->group->run(*m);
      return nullptr;
    };
    if (int error = ::pthread_create(&member->thread, &attributes, main, member.get()); error != 0)
      return fail_errno(
          text("cannot start the thread of vCPU {}", member->vcpu->index()), error,
          "raise the limit on threads (ulimit -u), or ask for fewer CPUs with --cpus");
    member->started = true;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return std::all_of(members_.begin(), members_.end(), [](auto& m) { return m->prepared; });
  });
  return {};
}

void VcpuGroup::run(Member& member) {
  hv::Vcpu& vcpu = *member.vcpu;
  vcpu.bind_thread();
  auto prepared = prepare_();
  bool going = prepared.has_value();
  if (!going) failed_(std::move(prepared).error());
  {
    std::lock_guard lock(mutex_);
    member.prepared = true;
    changed_.notify_all();
  }
  going = going && attend(member);
  while (going) {
    auto exit = vcpu.run();
    if (!exit) [[unlikely]] {
      failed_(std::move(exit).error());
      break;
    }
    member.stats.count(exit->index());
    if (std::holds_alternative<hv::Interrupted>(*exit))
      going = attend(member);
    else if (!handler_(vcpu, *exit))
      break;
  }
  {
    std::lock_guard lock(mutex_);
    member.ended = true;
  }
  attend(member);
}

// Follows the group's state after a kick; false when the group stops. A vCPU that has ended the VM
// stays here until then, so that its state can still be looked at.
bool VcpuGroup::attend(Member& member) {
  std::unique_lock lock(mutex_);
  member.vcpu->clear_kick();
  for (;;) {
    if (state_ == State::stopping) return false;
    if (member.work) {
      auto work = std::exchange(member.work, nullptr);
      lock.unlock();
      work(*member.vcpu);
      lock.lock();
      changed_.notify_all();
      continue;
    }
    if (reasons_ == 0 && !member.ended && !member.held) {
      member.parked = false;
      return true;
    }
    if (!member.parked) {
      lock.unlock();
      bool goes_on = finish(member);
      lock.lock();
      if (!goes_on) member.ended = true;
      member.parked = true;
      changed_.notify_all();
      continue;
    }
    changed_.wait(lock);
  }
}

// What the last exit left open; one instruction may need several exits. False when one of them
// ends the VM. Errors are left to run(), which meets them again.
bool VcpuGroup::finish(Member& member) {
  for (;;) {
    auto exit = member.vcpu->finish_pending();
    if (!exit || !*exit || member.ended) return true;
    member.stats.count((*exit)->index());
    if (std::holds_alternative<hv::Interrupted>(**exit)) continue;
    if (!handler_(*member.vcpu, **exit)) return false;
  }
}

void VcpuGroup::kick_all() {
  // Not those that have been joined: their thread's handle is no longer valid.
  for (auto& member : members_)
    if (member->started) member->vcpu->kick();
}

bool VcpuGroup::all_parked() const {
  return std::all_of(members_.begin(), members_.end(), [](auto& m) { return m->parked; });
}

void VcpuGroup::pause(Why why) {
  pause_soon(why);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return all_parked() || state_ == State::stopping; });
}

void VcpuGroup::pause_soon(Why why) {
  std::lock_guard lock(mutex_);
  if (state_ == State::stopping) return;
  if (reasons_ == 0) kick_all();
  reasons_ |= static_cast<u8>(why);
}

void VcpuGroup::resume(Why why) {
  std::lock_guard lock(mutex_);
  if (state_ == State::stopping || reasons_ == 0) return;
  reasons_ &= static_cast<u8>(~static_cast<u8>(why));
  if (reasons_ != 0) return;
  for (auto& member : members_)
    if (!member->held) member->parked = false;
  changed_.notify_all();
}

void VcpuGroup::hold(unsigned index, bool held) {
  std::lock_guard lock(mutex_);
  members_[index]->held = held;
}

bool VcpuGroup::paused(Why why) const {
  std::lock_guard lock(mutex_);
  return (reasons_ & static_cast<u8>(why)) != 0;
}

void VcpuGroup::stop() {
  {
    std::lock_guard lock(mutex_);
    state_ = State::stopping;
    kick_all();
    changed_.notify_all();
  }
  for (auto& member : members_)
    if (std::exchange(member->started, false)) ::pthread_join(member->thread, nullptr);
}

void VcpuGroup::on_vcpu(unsigned index, std::function<void(hv::Vcpu&)> work) {
  Member& member = *members_[index];
  std::unique_lock lock(mutex_);
  bool done = false;
  member.work = [&](hv::Vcpu& vcpu) {
    work(vcpu);
    std::lock_guard inner(mutex_);
    done = true;
  };
  member.vcpu->kick();
  changed_.notify_all();
  // Work that the thread has taken is waited for, also while the group stops: it uses this frame.
  changed_.wait(lock, [&] { return done || (state_ == State::stopping && member.work); });
  member.work = nullptr;
}

}  // namespace pv::vmm
