// SharedLine: one interrupt line for several devices, high while any of them is (a wired OR).
// Serial ports of PCs share lines so; their drivers ask every port until all are quiet.
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "hv/irq_line.h"

namespace pv::hv {

class SharedLine {
 public:
  // `line` outlives this.
  explicit SharedLine(IrqLine& line) : line_(line) {}

  // A line for one more device; lives as long as this does.
  IrqLine& input() { return inputs_.emplace_back(*this); }

 private:
  class Input final : public IrqLine {
   public:
    explicit Input(SharedLine& shared) : shared_(shared) {}
    void set(bool level) override { shared_.change(level_, level); }

   private:
    SharedLine& shared_;
    bool level_ = false;  // under the mutex of the whole
  };

  void change(bool& mine, bool level) {
    std::lock_guard lock(mutex_);
    if (mine == level) return;
    mine = level;
    const unsigned before = high_;
    high_ = level ? high_ + 1 : high_ - 1;
    if ((before != 0) != (high_ != 0)) line_.set(high_ != 0);
  }

  IrqLine& line_;
  std::mutex mutex_;
  unsigned high_ = 0;
  std::list<Input> inputs_;
};

}  // namespace pv::hv
