// A running VM as the diagnosis sees it: everything is asked over the VM's control socket, so that
// nothing of the diagnosis runs in the sealed process of the VM.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "control/client.h"
#include "inspect/subject.h"

namespace pv::cli {

class LiveSubject final : public inspect::Subject {
 public:
  // Errors (host): the VM does not answer.
  static Result<std::unique_ptr<LiveSubject>> open(const control::Running& vm);
  // Over a connection to the VM of this name, which outlives the subject.
  static Result<std::unique_ptr<LiveSubject>> over(control::Connection& connection,
                                                   std::string_view name);

  const inspect::Facts& facts() const override { return facts_; }
  Result<hv::RegisterFile> sample(unsigned cpu) override;
  bool read_physical(u64 address, MutableBytes into) override;
  inspect::Hits find_physical(Bytes pattern, usize most, const std::function<bool()>& go_on,
                              const inspect::Range& within) override;
  bool read_virtual(const hv::RegisterFile& cpu, u64 address, MutableBytes into) override;
  inspect::ConsoleUse console() override;
  std::string explain_address(const hv::RegisterFile& cpu, u64 address) override;

 private:
  LiveSubject(std::optional<control::Connection> own, control::Connection* other)
      : own_(std::move(own)), connection_(other != nullptr ? *other : *own_) {}
  Result<void> ask_facts(std::string_view name);
  bool is_ram(u64 address) const;
  bool read_much(u64 address, MutableBytes into);
  const std::vector<u8>* page(u64 number);

  std::optional<control::Connection> own_;
  control::Connection& connection_;
  inspect::Facts facts_;
  // What was read since the last sample, so that the rules do not ask for the same again and again.
  std::map<u64, std::vector<u8>> pages_;
};

}  // namespace pv::cli
