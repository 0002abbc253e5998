// TestMachine: for the tests of this folder, a board of any architecture on the fake hypervisor,
// with the host and the payload that the test makes up.
//
//   TestMachine t(Arch::riscv64, {.ram = 64_MiB, .cpus = 4});
//   ASSERT_TRUE(t.build(3)) << t.error;      // console, disk, rng
//   ASSERT_TRUE(t.load({.kernel = blob, .command_line = "quiet"})) << t.error;
#pragma once

#include <sys/mman.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "device/fakes.h"
#include "hv/fake.h"
#include "machine/machine.h"
#include "virtio/console.h"
#include "virtio/entropy.h"
#include "virtio/fake_driver.h"

namespace pv::machine {

// A virtio device of which only the window is of interest.
class StubDisk final : public virtio::VirtioDevice {
 public:
  std::string_view name() const override { return "virtio-blk"; }
  u32 device_id() const override { return virtio::spec::device_block; }
  u64 features() const override { return 0; }
  std::span<const u16> queue_sizes() const override { return sizes; }
  void read_config(u64, MutableBytes into) const override {
    for (u8& byte : into) byte = 0;
  }
  void notify(u16) override {}
  void reset() override {}
  void save(StateWriter&) const override {}
  Result<void> restore(StateReader&) override { return {}; }

 private:
  static constexpr u16 sizes[] = {64};
};

struct TestPayload {
  std::vector<u8> kernel = std::vector<u8>(4096, 0xc3);
  std::vector<u8> initrd = {};
  std::vector<u8> device_tree = {};
  std::string command_line = {};
};

class TestMachine {
  // Outlive the machine, so they come first.
  device::FakeEntropy entropy_;
  std::vector<hv::Vcpu*> vcpu_pointers_;
  std::vector<std::unique_ptr<virtio::VirtioDevice>> devices_;
  std::vector<virtio::VirtioDevice*> device_pointers_;
  SerialPort ports_[max_uarts];

 public:
  TestMachine(Arch arch, Spec spec, HostFacts facts = {}) : facts_(std::move(facts)) {
    auto created = create(arch, spec);
    CHECK(created.has_value());
    machine = std::move(*created);
    for (unsigned i = 0; i < spec.cpus; ++i) {
      vcpus.push_back(vm.vcpu(i));
      vcpu_pointers_.push_back(vcpus.back().get());
    }
    for (const auto& range : machine->ram())
      CHECK(ram.add(range, memory::Backing::anonymous).has_value());
  }

  // Devices on the buses, `virtio` of them in the order console, disks, rng.
  bool build(usize virtio = 0) {
    auto chip = machine->choose_irqchip(supported);
    if (!chip) return failed(chip.error());
    for (usize i = 0; i < virtio; ++i) {
      if (i == 0)
        devices_.push_back(std::make_unique<virtio::Console>(serial_out, serial_in));
      else if (i + 1 < virtio || virtio < 3)
        devices_.push_back(std::make_unique<StubDisk>());
      else
        devices_.push_back(std::make_unique<virtio::Rng>(entropy_));
      device_pointers_.push_back(devices_.back().get());
    }
    ports_[0] = {&serial_out, &serial_in};
    auto built = machine->build({vm, ram, mmio, pio, vcpu_pointers_, device_pointers_, executor,
                                 clock, power, ports_, log, debugcon, pci_devices},
                                facts_);
    return built ? true : failed(built.error());
  }

  // Before build(): a further UART, numbered from 0.
  void add_serial(usize port, device::CharSink& out, device::CharSource* in = nullptr) {
    ports_[port] = {&out, in};
  }

  bool load(const TestPayload& with) {
    Fd kernel = file(with.kernel), initrd = file(with.initrd), tree = file(with.device_tree);
    static constexpr u8 seed[] = {1, 2, 3, 4, 5, 6, 7, 8};
    auto loaded = machine->load({kernel.get(), initrd.get(), tree.get(), with.command_line, seed,
                                 1'700'000'000'000'000'000});
    return loaded ? true : failed(loaded.error());
  }

  template <class T>
  T at(u64 address) const {
    T value{};
    CHECK(ram.read(memory::GuestAddress(address), value));
    return value;
  }
  std::vector<u8> bytes_at(u64 address, usize size) const {
    std::vector<u8> bytes(size);
    CHECK(ram.read_bytes(memory::GuestAddress(address), bytes));
    return bytes;
  }
  std::string string_at(u64 address) const {
    std::string text;
    for (char c; (c = at<char>(address + text.size())) != 0;) text += c;
    return text;
  }

  hv::FakeVm vm;
  memory::GuestMemory ram;
  bus::Bus mmio, pio;
  virtio::ManualExecutor executor;
  device::FakeClock clock;
  device::FakePower power;
  device::RecordingSink serial_out;
  device::CountingSource serial_in;
  DebugPort debugcon;
  std::vector<u32> pci_devices;  // Wiring's
  Log log{-1, LogLevel::error};
  std::vector<std::unique_ptr<hv::FakeVcpu>> vcpus;
  std::unique_ptr<Machine> machine;
  std::function<bool(IrqChipKind)> supported = [](IrqChipKind) { return true; };
  Error failure;      // of the last call that returned false
  std::string error;  // its message

 private:
  bool failed(const Error& why) {
    failure = why;
    error = why.message;
    return false;
  }
  static Fd file(const std::vector<u8>& content) {
    if (content.empty()) return Fd();
    Fd fd(::memfd_create("payload", MFD_CLOEXEC));
    CHECK(write_fully(fd.get(), content).has_value());
    return fd;
  }

  HostFacts facts_;
};

// Every controller but those named.
inline std::function<bool(IrqChipKind)> without(std::initializer_list<IrqChipKind> missing) {
  return [list = std::vector<IrqChipKind>(missing)](IrqChipKind kind) {
    for (IrqChipKind one : list)
      if (one == kind) return false;
    return true;
  };
}

}  // namespace pv::machine
