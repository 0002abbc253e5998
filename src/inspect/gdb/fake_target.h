// A machine for the protocol's tests and its fuzzer: memory that is an array, registers that are
// what was written, and a note of what was asked.
#pragma once

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "base/text.h"
#include "inspect/gdb/target.h"

namespace pv::inspect::gdb {

class FakeTarget final : public Target {
 public:
  explicit FakeTarget(Arch arch, unsigned cpus = 2) : arch_(arch) {
    hv::RegisterFile file(arch, hv::register_table(arch));
    for (usize i = 0; i < file.table.size(); ++i) file.set(i, {i + 1, 0});
    files.assign(cpus, file);
  }
  Arch arch() const override { return arch_; }
  unsigned cpus() const override { return static_cast<unsigned>(files.size()); }
  Result<hv::RegisterFile> read_registers(unsigned cpu, hv::RegisterGroups) override {
    return files[cpu];
  }
  Result<void> write_register(unsigned cpu, usize index, hv::RegisterValue value) override {
    files[cpu].set(index, value);
    return {};
  }
  // Virtual addresses are the physical ones plus `offset`.
  Result<usize> read_memory(unsigned, bool physical, u64 address, MutableBytes into) override {
    u64 at = physical ? address : address - offset;
    if (at >= ram.size())
      return fail(Error::Kind::image, text("{:#x} is not mapped", address), "hint");
    usize size = std::min<usize>(into.size(), ram.size() - static_cast<usize>(at));
    std::memcpy(into.data(), &ram[static_cast<usize>(at)], size);
    return size;
  }
  Result<void> write_memory(unsigned, bool physical, u64 address, Bytes from) override {
    u64 at = physical ? address : address - offset;
    if (at > ram.size() || from.size() > ram.size() - at)
      return fail(Error::Kind::image, text("{:#x} is not mapped", address));
    std::memcpy(&ram[static_cast<usize>(at)], from.data(), from.size());
    return {};
  }
  Result<bool> insert(unsigned, Point point, u64 address, u64 length) override {
    if (point == Point::read) return false;
    points.insert(text("{} {:#x} {}", static_cast<int>(point), address, length));
    return true;
  }
  Result<bool> remove(Point point, u64 address, u64 length) override {
    points.erase(text("{} {:#x} {}", static_cast<int>(point), address, length));
    return true;
  }
  Result<void> resume(std::span<const Action> actions) override {
    if (refuses) return fail(Error::Kind::host, "this host cannot step");
    resumed.clear();
    for (Action action : actions) resumed += "-cs"[static_cast<int>(action)];
    return {};
  }
  void interrupt() override { ++interrupts; }
  void detach() override { detached = true; }
  void kill() override { killed = true; }
  std::string describe(unsigned cpu) override { return text("CPU {}", cpu); }
  std::string monitor(unsigned, std::string_view line) override { return text("<{}>\n", line); }

  std::vector<hv::RegisterFile> files;
  std::vector<u8> ram = std::vector<u8>(0x1000);
  u64 offset = 0xffff'0000'0000'0000;
  std::set<std::string> points;
  std::string resumed;
  int interrupts = 0;
  bool detached = false, killed = false, refuses = false;

 private:
  Arch arch_;
};

}  // namespace pv::inspect::gdb
