// GuestMemory: the guest's RAM as the monitor sees it. No raw pointer into it leaves this folder
// except through GuestSlice (bulk I/O) and HostRegion (what KVM maps).
//
// The guest writes this memory while we read it: every read copies, and the copy is what gets
// checked and used. A region can be added while vCPUs run; none is ever removed.
// Absent: dirty tracking (arrives with snapshots).
#pragma once

#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstring>
#include <type_traits>

#include "base/fd.h"
#include "base/result.h"
#include "base/types.h"
#include "memory/guest_address.h"

namespace pv::memory {

// What backs guest RAM.
enum class Backing : u8 {
  anonymous,  // private to this process: transparent huge pages, cheapest to touch
  shared,     // memfd: can be handed to another process (vhost-user)
};

// A piece of guest RAM as one host mapping; what the hypervisor is told to map.
struct HostRegion {
  GuestRange guest;
  u8* host = nullptr;
  int fd = -1;  // of a shared backing
};

// A span of guest RAM checked to lie inside one region, for readv/writev-like I/O. The guest may
// change the content at any time.
class GuestSlice {
 public:
  iovec io() const { return {host_, static_cast<usize>(size_)}; }
  u64 size() const { return size_; }

 private:
  friend class GuestMemory;
  GuestSlice(u8* host, u64 size) : host_(host), size_(size) {}
  u8* host_;
  u64 size_;
};

template <class T>
concept GuestCopyable = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>;

class GuestMemory {
 public:
  static constexpr usize max_regions = 16;

  GuestMemory() = default;
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  // Allocates host memory for `range` (page aligned, zeroed on first touch) and adds it.
  // Errors: overlap, too many regions, not enough address space or memory.
  Result<HostRegion> add(GuestRange range, Backing backing);

  usize region_count() const { return count_.load(std::memory_order_acquire); }
  const HostRegion& region(usize index) const { return regions_[index]; }

  // Whether [address, address + size) is RAM, inside one region.
  bool contains(GuestAddress address, u64 size) const { return at(address, size) != nullptr; }

  // Copies out of or into RAM; false (and nothing done) when the range is not RAM.
  [[nodiscard]] bool read_bytes(GuestAddress address, MutableBytes into) const;
  [[nodiscard]] bool write_bytes(GuestAddress address, Bytes from);
  [[nodiscard]] bool fill(GuestAddress address, u64 size, u8 value);

  template <GuestCopyable T>
  [[nodiscard]] bool read(GuestAddress address, T& into) const {
    const u8* p = at(address, sizeof(T));
    if (p == nullptr) return false;
    std::memcpy(&into, p, sizeof(T));
    return true;
  }
  template <GuestCopyable T>
  [[nodiscard]] bool write(GuestAddress address, const T& from) {
    u8* p = at(address, sizeof(T));
    if (p == nullptr) return false;
    std::memcpy(p, &from, sizeof(T));
    return true;
  }

  // Ring indices: 16-bit loads with acquire and stores with release order. The address must be
  // 2-byte aligned; false otherwise or when it is not RAM. The value is in guest byte order.
  [[nodiscard]] bool load_acquire(GuestAddress address, u16& into) const;
  [[nodiscard]] bool store_release(GuestAddress address, u16 value);

  // Bulk I/O: empty-handed (size() == 0 and io().iov_base == nullptr) when the range is not RAM.
  GuestSlice slice(GuestAddress address, u64 size) const;

  // Maps `size` bytes of `fd` at `file_offset` privately over RAM at `address` (copy on write: the
  // file never changes). Address and offset must be page aligned; the tail of the last page
  // beyond the file is zero. Errors: not RAM, not aligned, or the host cannot map the file.
  Result<void> map_file(GuestAddress address, int fd, u64 file_offset, u64 size);

 private:
  // Inline: the hot path of every queue access.
  u8* at(GuestAddress address, u64 size) const {
    usize count = region_count();
    for (usize i = 0; i < count; ++i) {
      const HostRegion& r = regions_[i];
      if (r.guest.contains(address, size)) return r.host + (address - r.guest.base);
    }
    return nullptr;
  }

  std::array<HostRegion, max_regions> regions_{};
  std::atomic<usize> count_{0};
};

}  // namespace pv::memory
