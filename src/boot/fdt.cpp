#include "boot/fdt.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/endian.h"
#include "base/text.h"

#if PV_HAVE_FDT
#include <libfdt.h>
#endif

namespace pv::boot {

void FdtBuilder::prop(const char* name) { bytes(name, {}); }

void FdtBuilder::prop(const char* name, u32 cell) {
  Be32 value(cell);
  bytes(name, {reinterpret_cast<const u8*>(&value), sizeof value});
}

void FdtBuilder::prop(const char* name, u64 number) {
  Be64 value(number);
  bytes(name, {reinterpret_cast<const u8*>(&value), sizeof value});
}

void FdtBuilder::prop(const char* name, std::string_view string) { strings(name, {string}); }

FdtBuilder::Node FdtBuilder::node(std::string_view base, u64 unit_address) {
  // By hand: a tree has dozens of these, and formatting them was a fifth of building it.
  std::array<char, 64> name;
  constexpr usize digits = 16;
  usize length = std::min(base.size(), name.size() - digits - 2);
  std::memcpy(name.data(), base.data(), length);
  name[length++] = '@';
  char* end =
      std::to_chars(name.data() + length, name.data() + length + digits, unit_address, 16).ptr;
  *end = '\0';
  return node(name.data());
}

#if PV_HAVE_FDT

FdtBuilder::FdtBuilder(usize capacity) {
  buffer_.resize(std::max<usize>(capacity, 256));
  // Without the search for equal names: it costs more than all the rest of building, and saves
  // the guest one page at most.
  step("create", [this] {
    return ::fdt_create_with_flags(buffer_.data(), static_cast<int>(buffer_.size()),
                                   FDT_CREATE_FLAG_NO_NAME_DEDUP);
  });
}

// Runs one libfdt call, growing the buffer for as long as that is what it lacks.
template <class Step>
void FdtBuilder::step(const char* doing, Step once) {
  constexpr usize most = 2u << 20;  // what kernels map
  while (failed_.empty()) {
    int status = once();
    if (status == 0) return;
    if (status != -FDT_ERR_NOSPACE) {
      failed_ = text("{}: {}", doing, ::fdt_strerror(status));
    } else if (buffer_.size() >= most) {
      failed_ = text("{}: the tree exceeds 2 MiB", doing);
    } else {
      std::vector<u8> larger(buffer_.size() * 2);
      status = ::fdt_resize(buffer_.data(), larger.data(), static_cast<int>(larger.size()));
      if (status != 0) failed_ = text("grow: {}", ::fdt_strerror(status));
      buffer_.swap(larger);
    }
  }
}

void FdtBuilder::reserve(u64 address, u64 size) {
  step("reserve", [&] { return ::fdt_add_reservemap_entry(buffer_.data(), address, size); });
}

FdtBuilder::Node FdtBuilder::node(const char* name) {
  if (in_reservations_) {
    in_reservations_ = false;
    step("reserve", [this] { return ::fdt_finish_reservemap(buffer_.data()); });
  }
  step(name, [&] { return ::fdt_begin_node(buffer_.data(), name); });
  ++depth_;
  return Node(*this);
}

void FdtBuilder::end_node() {
  --depth_;
  step("end of node", [this] { return ::fdt_end_node(buffer_.data()); });
}

void FdtBuilder::bytes(const char* name, Bytes value) {
  step(name, [&] {
    return ::fdt_property(buffer_.data(), name, value.data(), static_cast<int>(value.size()));
  });
}

void FdtBuilder::cells(const char* name, std::span<const u32> cells) {
  void* into = nullptr;
  step(name, [&] {
    return ::fdt_property_placeholder(buffer_.data(), name, static_cast<int>(cells.size() * 4),
                                      &into);
  });
  if (!failed_.empty()) return;
  auto* out = static_cast<u8*>(into);
  for (u32 cell : cells) {
    Be32 value(cell);
    std::memcpy(out, &value, sizeof value);
    out += sizeof value;
  }
}

void FdtBuilder::strings(const char* name, std::initializer_list<std::string_view> list) {
  usize size = 0;
  for (std::string_view string : list) size += string.size() + 1;
  void* into = nullptr;
  step(name, [&] {
    return ::fdt_property_placeholder(buffer_.data(), name, static_cast<int>(size), &into);
  });
  if (!failed_.empty()) return;
  auto* out = static_cast<char*>(into);
  for (std::string_view string : list) {
    if (!string.empty()) std::memcpy(out, string.data(), string.size());
    out += string.size();
    *out++ = '\0';
  }
}

void FdtBuilder::reg(std::span<const Region> regions, const char* name) {
  void* into = nullptr;
  step(name, [&] {
    return ::fdt_property_placeholder(buffer_.data(), name, static_cast<int>(regions.size() * 16),
                                      &into);
  });
  if (!failed_.empty()) return;
  auto* out = static_cast<u8*>(into);
  for (const Region& region : regions) {
    Be64 pair[2] = {region.base, region.size};
    std::memcpy(out, pair, sizeof pair);
    out += sizeof pair;
  }
}

Result<std::vector<u8>> FdtBuilder::finish() {
  // libfdt would close the tree all the same.
  if (depth_ != 0 && failed_.empty()) failed_ = "a node was left open";
  step("finish", [this] { return ::fdt_finish(buffer_.data()); });
  if (!failed_.empty()) return fail(Error::Kind::host, "device tree: " + failed_);
  failed_ = "it is finished already";
  buffer_.resize(fdt_totalsize(buffer_.data()));
  return std::move(buffer_);
}

#else

FdtBuilder::FdtBuilder(usize) { failed_ = "this build of polyvisor was made without libfdt"; }
void FdtBuilder::reserve(u64, u64) {}
FdtBuilder::Node FdtBuilder::node(const char*) { return Node(*this); }
void FdtBuilder::end_node() {}
void FdtBuilder::bytes(const char*, Bytes) {}
void FdtBuilder::cells(const char*, std::span<const u32>) {}
void FdtBuilder::strings(const char*, std::initializer_list<std::string_view>) {}
void FdtBuilder::reg(std::span<const Region>, const char*) {}
Result<std::vector<u8>> FdtBuilder::finish() {
  return fail(Error::Kind::host, "device tree: " + failed_);
}

#endif

}  // namespace pv::boot
