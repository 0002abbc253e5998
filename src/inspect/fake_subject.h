// A guest for tests: RAM in one vector, registers that the test sets for each sample.
#pragma once

#include <cstring>
#include <functional>

#include "inspect/subject.h"

namespace pv::inspect {

class FakeSubject final : public Subject {
 public:
  FakeSubject(Arch arch, u64 ram_base, usize ram_size) : memory_(ram_size) {
    facts_.arch = arch;
    facts_.live = true;
    facts_.ram = {{ram_base, ram_size}};
    facts_.what = "the fake";
  }
  Facts& change() { return facts_; }
  const Facts& facts() const override { return facts_; }
  // Called for each sample: (cpu, round).
  std::function<hv::RegisterFile(unsigned, unsigned)> registers;

  // What the console says, and how many more device reads each time it is asked.
  ConsoleUse console_use;
  u64 reads_per_look = 0;
  ConsoleUse console() override {
    console_use.reads += reads_per_look;
    return console_use;
  }

  Result<hv::RegisterFile> sample(unsigned cpu) override {
    if (rounds_.size() <= cpu) rounds_.resize(cpu + 1);
    return registers(cpu, rounds_[cpu]++);
  }
  bool read_physical(u64 address, MutableBytes into) override {
    const u64 offset = address - facts_.ram[0].begin;
    if (offset > memory_.size() || memory_.size() - offset < into.size()) return false;
    std::memcpy(into.data(), memory_.data() + offset, into.size());
    return true;
  }
  bool read_virtual(const hv::RegisterFile&, u64 address, MutableBytes into) override {
    return read_physical(address, into);
  }
  void put(u64 address, Bytes bytes) {
    std::memcpy(memory_.data() + (address - facts_.ram[0].begin), bytes.data(), bytes.size());
  }
  void put32(u64 address, u32 word) {
    const bool big = big_endian(facts_.arch);
    for (unsigned i = 0; i < 4; ++i)
      memory_[static_cast<usize>(address - facts_.ram[0].begin) + i] =
          static_cast<u8>(word >> 8 * (big ? 3 - i : i));
  }

 private:
  Facts facts_;
  std::vector<u8> memory_;
  std::vector<unsigned> rounds_;
};

}  // namespace pv::inspect
