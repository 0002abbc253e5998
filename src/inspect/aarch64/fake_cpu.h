// For tests: a stopped vCPU with some RAM and a device page, of which every access is written down.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/text.h"
#include "inspect/aarch64/complete.h"

namespace pv::inspect::aarch64 {

class FakeCpu final : public Registers, public Physical {
 public:
  static constexpr u64 ram_base = 0x4000'0000, ram_size = 0x1'0000, device = 0x0900'0000,
                       device_size = 0x2000, gic = 0x0800'0000;

  std::array<hv::RegisterValue, hv::aarch64_registers.size()> registers{};
  std::vector<u8> ram = std::vector<u8>(ram_size);
  std::array<u8, device_size> content{};  // the device holds what is written to it
  std::vector<std::string> log;           // "r4 10": 4 bytes at offset 0x10; "w1 0=41"
  bool broken = false;                    // the host refuses register accesses

  FakeCpu() {
    set("pc", ram_base);
    set("cpsr", 0x3c5);  // EL1h, masked
    set("vbar_el1", 0x4000'8000);
    set("sctlr_el1", 1 << 23);  // SPAN: no PAN on entry; translation is off
    for (usize i = 0; i < content.size(); ++i) content[i] = static_cast<u8>(0x80 + i);
  }

  u64 get(std::string_view name) const { return registers[find(name)].low; }
  void set(std::string_view name, u64 value) { registers[find(name)] = {value, 0}; }
  void put(u64 address, u64 value, usize bytes) {
    for (usize i = 0; i < bytes; ++i)
      ram[static_cast<usize>(address - ram_base) + i] = static_cast<u8>(value >> 8 * i);
  }

  Result<hv::RegisterValue> read(usize at) override {
    if (broken) return fail(Error::Kind::host, "fake: refused");
    return registers.at(at);
  }
  Result<void> write(usize at, hv::RegisterValue value) override {
    if (broken) return fail(Error::Kind::host, "fake: refused");
    registers.at(at) = value;
    return {};
  }
  bool read_ram(u64 address, MutableBytes into) override {
    if (!is_ram(address, into.size())) return false;
    std::memcpy(into.data(), &ram[static_cast<usize>(address - ram_base)], into.size());
    return true;
  }
  bool write_ram(u64 address, Bytes from) override {
    if (!is_ram(address, from.size())) return false;
    std::memcpy(&ram[static_cast<usize>(address - ram_base)], from.data(), from.size());
    return true;
  }
  u64 read_device(u64 address, unsigned bytes) override {
    log.push_back(text("r{} {:x}", bytes, address - device));
    u64 value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= u64{at(address + i)} << 8 * i;
    return value;
  }
  void write_device(u64 address, unsigned bytes, u64 value) override {
    log.push_back(text("w{} {:x}={:x}", bytes, address - device, value));
    for (unsigned i = 0; i < bytes; ++i) at(address + i) = static_cast<u8>(value >> 8 * i);
  }
  const char* in_kernel(u64 address) override {
    return address >= gic && address < gic + 0x1'0000 ? "interrupt controller" : nullptr;
  }

 private:
  static usize find(std::string_view name) {
    for (usize i = 0; i < hv::aarch64_registers.size(); ++i)
      if (name == hv::aarch64_registers[i].name) return i;
    std::abort();
  }
  static bool is_ram(u64 address, u64 size) {
    return address >= ram_base && size <= ram_size && address - ram_base <= ram_size - size;
  }
  u8& at(u64 address) { return content[static_cast<usize>((address - device) % device_size)]; }
};

}  // namespace pv::inspect::aarch64
