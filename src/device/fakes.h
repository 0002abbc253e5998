// Fakes of the device ports for unit tests and fuzzers of every layer: they record, and time is
// what the test says it is.
#pragma once

#include <string>

#include "device/plic.h"
#include "device/ports.h"

namespace pv::device {

class RecordingSink final : public CharSink {
 public:
  void write(Bytes bytes) override {
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    ++writes_;
  }
  const std::string& text() const { return text_; }
  unsigned writes() const { return writes_; }
  void clear() { text_.clear(); }

 private:
  std::string text_;
  unsigned writes_ = 0;
};

class CountingSource final : public CharSource {
 public:
  void room() override { ++calls; }
  unsigned calls = 0;
};

class FakeClock final : public Clock {
 public:
  u64 wall_ns() override { return wall; }
  u64 monotonic_ns() override { return monotonic; }
  void advance_ns(u64 ns) {
    wall += ns;
    monotonic += ns;
  }
  u64 wall = 0;
  u64 monotonic = 0;
};

// A counter instead of random bytes: repeatable.
class FakeEntropy final : public Entropy {
 public:
  void fill(MutableBytes into) override {
    for (u8& byte : into) byte = next_++;
  }

 private:
  u8 next_ = 0;
};

class FakePower final : public PowerControl {
 public:
  void power_off() override { ++power_offs; }
  void reset() override { ++resets; }
  void crash() override { ++crashes; }
  void exit_with(u8 code) override {
    ++exits;
    last_code = code;
  }
  unsigned power_offs = 0, resets = 0, crashes = 0, exits = 0;
  u8 last_code = 0;
};

class FakeExternalInterrupt final : public ExternalInterrupt {
 public:
  void set(bool l) override {
    level = l;
    ++calls;
  }
  bool level = false;
  unsigned calls = 0;
};

}  // namespace pv::device
