// LiveProbe: the host that this process runs on. What KVM answers is handed in, because only
// src/kvm may ask it.
#pragma once

#include "doctor/probe.h"

namespace pv::doctor {

class LiveProbe final : public Probe {
 public:
  explicit LiveProbe(KvmReport kvm);

  Arch arch() const override { return host_arch; }
  const KvmReport& kvm() const override { return kvm_; }
  std::optional<std::string> read(const std::string& path) const override;
  Node node(const std::string& path) const override;
  int feature(Feature feature) const override;
  u64 limit(Limit limit) const override;
  User user() const override;
  System system() const override;
  Memory memory() const override;
  const std::optional<std::vector<std::string>>& kernel_log() const override { return log_; }

 private:
  KvmReport kvm_;
  std::optional<std::vector<std::string>> log_;
};

// The lines of a kernel log that speak of virtualization, without priority and time stamp. `raw` is
// what syslog(2) gives: "<6>[    0.123456] kvm [1]: ...".
std::vector<std::string> lines_on_virtualization(std::string_view raw);

}  // namespace pv::doctor
