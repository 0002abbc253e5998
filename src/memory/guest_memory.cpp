#include "memory/guest_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "base/text.h"

namespace pv::memory {
namespace {

// Stage-2 mappings can use huge pages only where guest and host addresses agree modulo their size.
constexpr u64 huge_page = 2_MiB;

u64 page_size() { return static_cast<u64>(::sysconf(_SC_PAGESIZE)); }

Result<int> shared_fd(u64 size) {
  int fd = ::memfd_create("polyvisor-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    return fail_errno("cannot create shared guest memory (memfd)", errno,
                      "the host kernel needs CONFIG_MEMFD_CREATE and CONFIG_SHMEM");
  if (::ftruncate(fd, static_cast<off_t>(size)) < 0) {
    int error = errno;
    ::close(fd);
    return fail_errno(text("cannot size guest memory to {}", size_text(size)), error);
  }
  return fd;
}

}  // namespace

GuestMemory::~GuestMemory() {
  for (usize i = 0; i < region_count(); ++i) {
    ::munmap(regions_[i].host, static_cast<usize>(regions_[i].guest.size));
    if (regions_[i].fd >= 0) ::close(regions_[i].fd);
  }
}

Result<HostRegion> GuestMemory::add(GuestRange range, Backing backing) {
  usize count = region_count();
  if (count == max_regions) return fail(Error::Kind::usage, "too many guest memory regions");
  for (usize i = 0; i < count; ++i)
    if (regions_[i].guest.overlaps(range))
      return fail(Error::Kind::usage, text("guest memory at {:#x} overlaps the region at {:#x}",
                                           range.base.value(), regions_[i].guest.base.value()));
  if (range.size == 0 || !is_aligned(range.size, page_size()) ||
      !is_aligned(range.base.value(), page_size()))
    return fail(Error::Kind::usage,
                text("guest memory of {} at {:#x} is not a whole number of {}-byte pages",
                     size_text(range.size), range.base.value(), page_size()));
  if (range.size > std::numeric_limits<usize>::max() - 2 * huge_page)
    return fail(
        Error::Kind::usage,
        text("{} of guest memory do not fit the host's address space", size_text(range.size)),
        "give the guest less memory with --mem");

  int fd = backing == Backing::shared ? TRY(shared_fd(range.size)) : -1;
  // Reserve more than needed so that the host address can be given the guest's alignment.
  usize size = static_cast<usize>(range.size);
  usize reserve = size + huge_page;
  void* area =
      ::mmap(nullptr, reserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  void* map = MAP_FAILED;
  if (area != MAP_FAILED) {
    u64 start = reinterpret_cast<uintptr_t>(area);
    u64 aligned = align_up(start, huge_page) + range.base.value() % huge_page;
    if (aligned + size > start + reserve) aligned -= huge_page;
    if (aligned < start) aligned = start;
    void* want = reinterpret_cast<void*>(static_cast<uintptr_t>(aligned));
    int flags = MAP_FIXED | MAP_NORESERVE | (fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);
    map = ::mmap(want, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (map != MAP_FAILED) {
      if (aligned > start) ::munmap(area, static_cast<usize>(aligned - start));
      u64 tail = start + reserve - (aligned + size);
      if (tail > 0)
        ::munmap(reinterpret_cast<void*>(static_cast<uintptr_t>(aligned + size)),
                 static_cast<usize>(tail));
    } else {
      ::munmap(area, reserve);
    }
  }
  if (map == MAP_FAILED) {
    int error = errno;
    if (fd >= 0) ::close(fd);
    return fail_errno(text("cannot reserve {} of guest memory", size_text(range.size)), error,
                      "give the guest less memory with --mem");
  }
  ::madvise(map, size, MADV_HUGEPAGE);  // a host without huge pages refuses: nothing lost
  ::madvise(map, size, MADV_DONTDUMP);

  regions_[count] = HostRegion{range, static_cast<u8*>(map), fd};
  count_.store(count + 1, std::memory_order_release);
  return regions_[count];
}

bool GuestMemory::read_bytes(GuestAddress address, MutableBytes into) const {
  const u8* p = at(address, into.size());
  if (p == nullptr) return false;
  if (!into.empty()) std::memcpy(into.data(), p, into.size());
  return true;
}

bool GuestMemory::write_bytes(GuestAddress address, Bytes from) {
  u8* p = at(address, from.size());
  if (p == nullptr) return false;
  if (!from.empty()) std::memcpy(p, from.data(), from.size());
  return true;
}

bool GuestMemory::fill(GuestAddress address, u64 size, u8 value) {
  u8* p = at(address, size);
  if (p == nullptr) return false;
  std::memset(p, value, static_cast<usize>(size));
  return true;
}

bool GuestMemory::load_acquire(GuestAddress address, u16& into) const {
  u8* p = at(address, sizeof(u16));
  if (p == nullptr || !is_aligned(address.value(), sizeof(u16))) return false;
  into = std::atomic_ref<u16>(*reinterpret_cast<u16*>(p)).load(std::memory_order_acquire);
  return true;
}

bool GuestMemory::store_release(GuestAddress address, u16 value) {
  u8* p = at(address, sizeof(u16));
  if (p == nullptr || !is_aligned(address.value(), sizeof(u16))) return false;
  std::atomic_ref<u16>(*reinterpret_cast<u16*>(p)).store(value, std::memory_order_release);
  return true;
}

GuestSlice GuestMemory::slice(GuestAddress address, u64 size) const {
  u8* p = at(address, size);
  return p == nullptr ? GuestSlice(nullptr, 0) : GuestSlice(p, size);
}

Result<void> GuestMemory::map_file(GuestAddress address, int fd, u64 file_offset, u64 size) {
  u64 page = page_size();
  if (!is_aligned(address.value(), page) || !is_aligned(file_offset, page))
    return fail(Error::Kind::image, text("file offset {:#x} cannot be mapped at {:#x}: not aligned",
                                         file_offset, address.value()));
  u8* p = at(address, align_up(size, page));
  if (p == nullptr)
    return fail(Error::Kind::image,
                text("{} at {:#x} are not guest RAM", size_text(size), address.value()));
  void* map = ::mmap(p, static_cast<usize>(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
                     fd, static_cast<off_t>(file_offset));
  if (map == MAP_FAILED) return fail_errno("cannot map the file into guest memory", errno);
  return {};
}

}  // namespace pv::memory
