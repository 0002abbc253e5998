// For tests: a disk in memory and an engine whose operations finish when the test says so.
// FakeImage says what the test wants of a disk.
#pragma once

#include <cerrno>
#include <cstring>
#include <vector>

#include "block/engine.h"
#include "block/image.h"

namespace pv::block {

class FakeImage final : public Image {
 public:
  explicit FakeImage(u64 size) : size_(size) {}
  u64 size() const override { return size_; }
  bool read_only() const override { return is_read_only; }
  u32 block_size() const override { return 512; }
  bool can_discard() const override { return discards && !is_read_only; }

  bool is_read_only = false;
  bool discards = true;

 private:
  u64 size_;
};

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(usize size) : content(size) {}

  std::string_view name() const override { return "fake"; }
  void on_ready(std::function<void()> ready) override { ready_ = std::move(ready); }
  void submit(const Operation& operation) override {
    log.push_back(operation);
    waiting_.push_back(operation);
  }
  void commit() override {
    if (immediate) drain();
  }
  void take(std::vector<Completion>& into) override {
    into.insert(into.end(), done_.begin(), done_.end());
    done_.clear();
  }
  void drain() override {
    while (!waiting_.empty()) finish_one();
  }
  void abandon(std::chrono::milliseconds) override {
    for (const Operation& operation : waiting_) done_.push_back({operation.token, ECANCELED});
    waiting_.clear();
  }

  // Finishes the oldest operation; false: there is none. announce() then tells the device.
  bool finish_one() {
    if (waiting_.empty()) return false;
    const Operation operation = waiting_.front();
    waiting_.erase(waiting_.begin());
    done_.push_back({operation.token, fail_with != 0 ? fail_with : perform(operation)});
    return true;
  }
  void announce() { ready_(); }
  usize in_flight() const { return waiting_.size(); }

  std::vector<u8> content;
  std::vector<Operation> log;  // all that was submitted; the buffers are valid until completion
  int fail_with = 0;
  bool immediate = true;  // commit() finishes everything

 private:
  int perform(const Operation& operation) {
    if (operation.kind == Operation::Kind::flush) return 0;
    if (operation.offset > content.size() || operation.length > content.size() - operation.offset)
      return EIO;
    u8* at = content.data() + operation.offset;
    if (operation.kind == Operation::Kind::discard ||
        operation.kind == Operation::Kind::write_zeroes) {
      std::memset(at, 0, static_cast<usize>(operation.length));
      return 0;
    }
    for (const iovec& piece : operation.buffers) {
      if (operation.kind == Operation::Kind::read)
        std::memcpy(piece.iov_base, at, piece.iov_len);
      else
        std::memcpy(at, piece.iov_base, piece.iov_len);
      at += piece.iov_len;
    }
    return 0;
  }

  std::function<void()> ready_;
  std::vector<Operation> waiting_;
  std::vector<Completion> done_;
};

}  // namespace pv::block
