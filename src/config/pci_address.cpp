#include "config/pci_address.h"

#include <array>
#include <string>

#include "base/hex.h"
#include "base/text.h"
#include "config/vm_config.h"

namespace pv::config {
namespace {

constexpr std::string_view form = "write 00:DEVICE.0 with a DEVICE from 01 to 1f, such as 00:05.0";

// One to `digits` hexadecimal digits, and `end` behind them, which is taken too; 0: the text's end.
bool take(std::string_view& text, usize digits, char end, u32& into) {
  into = 0;
  usize count = 0;
  while (count < text.size() && hex_digit(text[count]) >= 0 && count < digits)
    into = into * 16 + static_cast<u32>(hex_digit(text[count++]));
  if (count == 0) return false;
  text.remove_prefix(count);
  if (end == 0) return text.empty();
  if (!text.starts_with(end)) return false;
  text.remove_prefix(1);
  return true;
}

// A device and what gave it its place.
struct User {
  std::string field;
  bool console = false;
};

}  // namespace

Result<u32> parse_pci_address(std::string_view address) {
  u32 domain = 0, bus = 0, device = 0, function = 0;
  std::string_view rest = address;
  const bool has_domain = address.find(':') != address.rfind(':');
  const bool good = (!has_domain || take(rest, 4, ':', domain)) && take(rest, 2, ':', bus) &&
                    take(rest, 2, '.', device) && take(rest, 1, 0, function);
  if (!good)
    return fail(Error::Kind::usage, text("\"{}\" is no PCI address", address), std::string(form));
  if (domain != 0 || bus != 0)
    return fail(Error::Kind::usage, text("{}: there is no other PCI bus than 00", address),
                std::string(form));
  if (function != 0)
    return fail(Error::Kind::usage, text("{}: devices have function 0 only", address),
                std::string(form));
  if (device == 0)
    return fail(Error::Kind::usage, text("{} is taken by the host bridge", address),
                std::string(form));
  if (device > 0x1f)
    return fail(Error::Kind::usage, text("{}: a PCI bus has devices up to 1f", address),
                std::string(form));
  return device;
}

Result<void> validate_pci_addresses(const VmConfig& config) {
  std::array<User, 32> users;
  const auto check = [&](std::string field, const std::string& address,
                         bool console) -> Result<void> {
    if (address.empty()) return {};
    if (config.transport == Transport::mmio)
      return fail(Error::Kind::usage, text("{}: virtio devices are on no PCI bus", field),
                  "add --transport pci, or leave the address out");
    User& user = users[TRY(parse_pci_address(address), field)];
    if (!user.field.empty() && !(console && user.console))
      return fail(Error::Kind::usage, text("{}: {} is taken by {}", field, address, user.field),
                  "give each device a place of its own");
    user = {std::move(field), console};
    return {};
  };
  u32 console = 0;
  for (usize i = 0; i < config.serials.size(); ++i) {
    const Serial& serial = config.serials[i];
    const std::string field = text("serials[{}].pci_address", i);
    TRY(check(field, serial.pci_address, true));
    const u32 device = pci_device(serial.pci_address);
    if (console != 0 && device != 0 && device != console)
      return fail(
          Error::Kind::usage,
          text("{}: {} is a second place for the virtio console, whose ports are one device", field,
               serial.pci_address),
          "give the address to one of the ports");
    if (device != 0) console = device;
  }
  for (usize i = 0; i < config.disks.size(); ++i)
    TRY(check(text("disks[{}].pci_address", i), config.disks[i].pci_address, false));
  return {};
}

u32 pci_device(std::string_view address) {
  return address.empty() ? 0 : parse_pci_address(address).value_or(0);
}

u32 console_pci_device(const VmConfig& config) {
  for (const Serial& serial : config.serials)
    if (!serial.pci_address.empty()) return pci_device(serial.pci_address);
  return 0;
}

}  // namespace pv::config
