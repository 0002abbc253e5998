#include "pci/host_bridge.h"

namespace pv::pci {
namespace {

constexpr u8 state_version = 1;
constexpr u64 data_ports = 4;     // offset of 0xcfc
constexpr u64 reset_control = 1;  // of 0xcf9

}  // namespace

u64 ConfigWindow::read(bus::Access access) {
  return root_.config_read(devfn(access), offset(access), access.width) &
         bus::all_ones(access.width);
}

void ConfigWindow::write(bus::Access access, u64 value) {
  root_.config_write(devfn(access), offset(access), access.width, static_cast<u32>(value));
}

u64 ConfigPorts::read(bus::Access access) {
  if (access.offset == reset_control && access.width == bus::Width::byte)
    return reset_control_.read({0, access.width});
  if (access.offset == 0 && access.width == bus::Width::word) return address_;
  if (access.offset < data_ports || !selects_bus_0()) return bus::all_ones(access.width);
  return root_.config_read(devfn(), offset(access.offset), access.width);
}

void ConfigPorts::write(bus::Access access, u64 value) {
  if (access.offset == reset_control && access.width == bus::Width::byte)
    return reset_control_.write({0, access.width}, value);
  if (access.offset == 0 && access.width == bus::Width::word)
    address_ = static_cast<u32>(value) & 0x80ff'fffc;
  if (access.offset < data_ports || !selects_bus_0()) return;
  root_.config_write(devfn(), offset(access.offset), access.width, static_cast<u32>(value));
}

void ConfigPorts::save(StateWriter& out) const {
  out.put8(state_version);
  out.put32(address_);
  reset_control_.save(out);
}

Result<void> ConfigPorts::restore(StateReader& in) {
  const u8 version = in.get8();
  const u32 address = in.get32();
  if (in.bad() || version != state_version)
    return fail(Error::Kind::image, "the saved state of the PCI configuration ports is damaged");
  TRY(reset_control_.restore(in));
  address_ = address & 0x80ff'fffc;
  return {};
}

}  // namespace pv::pci
