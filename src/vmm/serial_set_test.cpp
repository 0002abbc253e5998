// SerialSet: which device each port is, and which of them is the console.
#include "vmm/serial_set.h"

#include <gtest/gtest.h>

#include "device/fakes.h"

namespace pv::vmm {
namespace {

using config::Serial;
using config::SerialHardware;

struct Ports {
  explicit Ports(std::vector<Serial> given) : serials(std::move(given)), outs(serials.size()) {
    for (usize i = 0; i < serials.size(); ++i) ends.push_back({&serials[i], &outs[i], &source});
    set.emplace(ends, [this] { ++wakes; });
  }
  machine::Spec spec() const {
    machine::Spec spec;
    set->describe(spec);
    return spec;
  }
  std::vector<Serial> serials;
  std::vector<device::RecordingSink> outs;
  device::CountingSource source;
  std::vector<SerialEnd> ends;
  int wakes = 0;
  std::optional<SerialSet> set;
};

Serial hvc(u32 num, std::string name = "", bool console = false) {
  Serial serial;
  serial.hardware = SerialHardware::virtio_console;
  serial.num = num;
  serial.name = std::move(name);
  serial.console = console;
  return serial;
}

TEST(SerialSet, UartsStandAtTheirNumbers) {
  Ports ports({{.num = 3, .console = true}, {.num = 1, .earlycon = true}});
  const auto uarts = ports.set->uarts();
  ASSERT_EQ(uarts.size(), machine::max_uarts);
  EXPECT_EQ(uarts[1].out, nullptr);
  const u8 bytes[] = {'x'};
  uarts[2].out->write(bytes);
  EXPECT_EQ(ports.wakes, 1);
  EXPECT_TRUE(ports.set->flush());
  EXPECT_FALSE(ports.set->flush());
  EXPECT_EQ(ports.outs[0].text(), "x");
  EXPECT_EQ(ports.set->bytes_written(), 1u);
  EXPECT_EQ(ports.spec().console_uart, 2u);
  EXPECT_EQ(ports.spec().early_uart, 0u);
  EXPECT_FALSE(ports.spec().virtio_console);
  EXPECT_TRUE(ports.set->virtio_ports().empty());
  EXPECT_FALSE(ports.set->standard_input());
}

TEST(SerialSet, VirtioPortsAreInTheOrderOfTheirNumbers) {
  Ports ports({hvc(3, "", true), hvc(1), hvc(2, "log"), {.standard_input = true}});
  const auto virtio = ports.set->virtio_ports();
  ASSERT_EQ(virtio.size(), 3u);
  EXPECT_TRUE(virtio[0].console);
  EXPECT_EQ(virtio[1].name, "log");
  EXPECT_FALSE(virtio[1].console);
  EXPECT_TRUE(ports.set->place(0).on_virtio);
  EXPECT_EQ(ports.set->place(0).port, 2u);
  EXPECT_EQ(ports.set->place(1).port, 0u);
  EXPECT_FALSE(ports.set->place(3).on_virtio);
  EXPECT_EQ(ports.set->standard_input(), 3u);
  // The named port is no terminal: the third is hvc1.
  EXPECT_TRUE(ports.spec().virtio_console);
  EXPECT_EQ(ports.spec().virtio_console_index, 1u);
}

TEST(SerialSet, QueueSizesAreThePorts) {
  Serial small = hvc(2);
  small.max_queue_sizes = {2, 32};
  Ports ports({small, hvc(1)});
  const auto virtio = ports.set->virtio_ports();
  ASSERT_EQ(virtio.size(), 2u);
  EXPECT_EQ(virtio[0].receive_size, virtio::Console::usual_receive_size);
  EXPECT_EQ(virtio[0].transmit_size, virtio::Console::usual_transmit_size);
  EXPECT_EQ(virtio[1].receive_size, 2);
  EXPECT_EQ(virtio[1].transmit_size, 32);
}

TEST(SerialSet, TheDebugPortHasItsNumber) {
  Serial debug;
  debug.hardware = SerialHardware::debugcon;
  debug.debugcon_port = 0xe9;
  Ports ports({debug});
  EXPECT_EQ(ports.set->debugcon().port, 0xe9);
  EXPECT_NE(ports.set->debugcon().out, nullptr);
}

}  // namespace
}  // namespace pv::vmm
