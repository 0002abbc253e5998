// pci-address: its form, and that no two devices have one place.
#include "config/pci_address.h"

#include <gtest/gtest.h>

#include "config/validate.h"
#include "config/vm_config.h"

namespace pv::config {
namespace {

std::string refusal(std::string_view address) {
  const auto parsed = parse_pci_address(address);
  return parsed ? "" : parsed.error().message;
}

TEST(PciAddress, IsADeviceOfBusZero) {
  EXPECT_EQ(parse_pci_address("00:05.0"), 5u);
  EXPECT_EQ(parse_pci_address("0:1f.0"), 0x1fu);
  EXPECT_EQ(parse_pci_address("0000:00:0A.0"), 10u);
  EXPECT_EQ(refusal("00:00.0"), "00:00.0 is taken by the host bridge");
  EXPECT_EQ(refusal("00:20.0"), "00:20.0: a PCI bus has devices up to 1f");
  EXPECT_EQ(refusal("00:05.1"), "00:05.1: devices have function 0 only");
  EXPECT_EQ(refusal("01:05.0"), "01:05.0: there is no other PCI bus than 00");
  EXPECT_EQ(refusal("0001:00:05.0"), "0001:00:05.0: there is no other PCI bus than 00");
  for (const char* bad :
       {"", "5", "05.0", "00:05", "00:05.", "00:05.00", "00:x.0", ":05.0", "00::0", "00:005.0",
        "000:05.0", "00:05.0 ", "0:0:0:5.0", "-1:05.0", "00:05,0"})
    EXPECT_EQ(refusal(bad), std::string("\"") + bad + "\" is no PCI address");
}

VmConfig with(std::vector<std::string> ports, std::vector<std::string> disks) {
  VmConfig config;
  config.kernel = "Image";
  config.transport = Transport::pci;
  u32 num = 0;
  for (std::string& port : ports)
    config.serials.push_back(
        {.hardware = SerialHardware::virtio_console, .num = ++num, .pci_address = std::move(port)});
  for (std::string& disk : disks)
    config.disks.push_back({.path = "disk", .pci_address = std::move(disk)});
  return config;
}

std::string refusal(const VmConfig& config) {
  const auto valid = validate(config);
  return valid ? "" : valid.error().message;
}

TEST(PciAddress, ErrorsNameTheField) {
  EXPECT_EQ(refusal(with({"00:05.0"}, {"00:06.0", "", "00:01.0"})), "");
  EXPECT_EQ(refusal(with({"1"}, {})), "serials[0].pci_address: \"1\" is no PCI address");
  EXPECT_EQ(refusal(with({}, {"", "00:00.0"})),
            "disks[1].pci_address: 00:00.0 is taken by the host bridge");
  EXPECT_EQ(refusal(with({}, {"00:05.0", "0:5.0"})),
            "disks[1].pci_address: 0:5.0 is taken by disks[0].pci_address");
  EXPECT_EQ(refusal(with({"", "00:05.0"}, {"00:05.0"})),
            "disks[0].pci_address: 00:05.0 is taken by serials[1].pci_address");
  VmConfig mmio = with({}, {"00:05.0"});
  mmio.transport = Transport::mmio;
  EXPECT_EQ(refusal(mmio), "disks[0].pci_address: virtio devices are on no PCI bus");
}

TEST(PciAddress, PortsOfTheConsoleAreOneDevice) {
  EXPECT_EQ(refusal(with({"00:05.0", "", "00:05.0"}, {})), "");
  EXPECT_EQ(refusal(with({"00:05.0", "00:06.0"}, {})),
            "serials[1].pci_address: 00:06.0 is a second place for the virtio console, whose ports "
            "are one device");
  EXPECT_EQ(console_pci_device(with({"", "00:0c.0"}, {})), 12u);
  EXPECT_EQ(console_pci_device(with({""}, {})), 0u);
}

}  // namespace
}  // namespace pv::config
