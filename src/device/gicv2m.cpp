#include "device/gicv2m.h"

namespace pv::device {

// Not the frame's mutex: the lines may be set from any thread, and nothing else changes.
void GicV2m::raise(u64 number) {
  if (number - first_ < lines_.size()) lines_[static_cast<usize>(number - first_)]->pulse();
}

void GicV2m::signal(const hv::Msi& msi) {
  if (msi.address == address_ + MSI_SETSPI_NS) raise(msi.data);
}

u64 GicV2m::read(bus::Access access) {
  if (access.width != bus::Width::word) return 0;
  return access.offset == MSI_TYPER ? u64{first_} << 16 | lines_.size() : 0;
}

void GicV2m::write(bus::Access access, u64 value) {
  if (access.offset == MSI_SETSPI_NS && access.width == bus::Width::word) raise(value & 0x3ff);
}

}  // namespace pv::device
