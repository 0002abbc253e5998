#include "block/uring.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/arch.h"
#include "base/check.h"

namespace pv::block {
namespace {

constexpr u32 needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE;

u32 load(const u32* at) {
  return std::atomic_ref<u32>(*const_cast<u32*>(at)).load(std::memory_order_acquire);
}
void store(u32* at, u32 value) {
  std::atomic_ref<u32>(*at).store(value, std::memory_order_release);
}

u8* map(int fd, usize size, off_t offset) {
  void* p = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
  return p == MAP_FAILED ? nullptr : static_cast<u8*>(p);
}

}  // namespace

Result<Uring> Uring::create(u32 entries, std::span<const u8> operations) {
  // Linux 6.1 (arch/powerpc/kernel/interrupt.c, interrupt_exit_user_prepare_main) restores a system
  // call's registers before repeating it after a signal only, and not after the notification by
  // which io_uring completes work: whatever call the thread sleeps in comes back broken.
  if (host_arch == Arch::powerpc)
    return fail(Error::Kind::host,
                "on powerpc Linux's io_uring damages system calls that it interrupts");
  Uring ring;
  ring.params_.flags = IORING_SETUP_R_DISABLED;
  const long fd = ::syscall(SYS_io_uring_setup, entries, &ring.params_);
  if (fd < 0)
    return errno == EINVAL
               ? fail(Error::Kind::host, "io_uring of this kernel is too old: 5.10 is needed")
               : fail_errno("io_uring_setup", errno);
  ring.fd_ = Fd(static_cast<int>(fd));
  if ((ring.params_.features & needed) != needed)
    return fail(Error::Kind::host, "io_uring of this kernel is too old");
  TRY(ring.restrict_to(operations));
  TRY(ring.map_rings());
  return ring;
}

Result<void> Uring::restrict_to(std::span<const u8> operations) {
  std::array<io_uring_restriction, 8> list{};
  CHECK(operations.size() <= list.size());
  for (usize i = 0; i < operations.size(); ++i) {
    list[i].opcode = IORING_RESTRICTION_SQE_OP;
    list[i].sqe_op = operations[i];
  }
  if (::syscall(SYS_io_uring_register, fd(), IORING_REGISTER_RESTRICTIONS, list.data(),
                static_cast<unsigned>(operations.size())) < 0 ||
      ::syscall(SYS_io_uring_register, fd(), IORING_REGISTER_ENABLE_RINGS, nullptr, 0) < 0)
    return fail_errno("cannot restrict io_uring", errno);
  return {};
}

Result<void> Uring::map_rings() {
  const io_uring_params& p = params_;
  const usize sq_size = p.sq_off.array + p.sq_entries * sizeof(u32);
  const usize cq_size = p.cq_off.cqes + p.cq_entries * sizeof(io_uring_cqe);
  rings_size_ = std::max(sq_size, cq_size);
  entries_size_ = p.sq_entries * sizeof(io_uring_sqe);
  rings_ = map(fd(), rings_size_, IORING_OFF_SQ_RING);
  entries_ = reinterpret_cast<io_uring_sqe*>(
      map(fd(), entries_size_, static_cast<off_t>(IORING_OFF_SQES)));
  if (rings_ == nullptr || entries_ == nullptr) return fail_errno("cannot map io_uring", errno);
  return {};
}

Uring::Uring(Uring&& other) noexcept
    : fd_(std::move(other.fd_)),
      params_(other.params_),
      rings_(std::exchange(other.rings_, nullptr)),
      rings_size_(other.rings_size_),
      entries_(std::exchange(other.entries_, nullptr)),
      entries_size_(other.entries_size_),
      tail_(other.tail_),
      committed_(other.committed_) {}

Uring::~Uring() {
  if (rings_ != nullptr) ::munmap(rings_, rings_size_);
  if (entries_ != nullptr) ::munmap(entries_, entries_size_);
}

io_uring_sqe* Uring::prepare() {
  const u32 head = load(sq(params_.sq_off.head));
  if (tail_ - head >= params_.sq_entries) return nullptr;
  const u32 slot = tail_ & (params_.sq_entries - 1);
  io_uring_sqe* entry = &entries_[slot];
  std::memset(entry, 0, sizeof *entry);
  sq(params_.sq_off.array)[slot] = slot;
  ++tail_;
  return entry;
}

int Uring::commit() {
  store(sq(params_.sq_off.tail), tail_);
  while (committed_ != tail_) {
    const long n = ::syscall(SYS_io_uring_enter, fd(), tail_ - committed_, 0, 0, nullptr, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : EIO;
    committed_ += static_cast<u32>(n);
  }
  return 0;
}

bool Uring::take_back(u64& user_data) {
  // Without a kernel thread that polls, the kernel looks at the tail only inside commit().
  if (tail_ == committed_) return false;
  --tail_;
  user_data = entries_[tail_ & (params_.sq_entries - 1)].user_data;
  store(sq(params_.sq_off.tail), tail_);
  return true;
}

void Uring::wait() {
  static_cast<void>(::syscall(SYS_io_uring_enter, fd(), 0, 1, IORING_ENTER_GETEVENTS, nullptr, 0));
}

bool Uring::next(u64& user_data, i32& result) {
  u32* head = cq(params_.cq_off.head);
  const u32 at = *head;
  if (at == load(cq(params_.cq_off.tail))) return false;
  const io_uring_cqe* cqes = reinterpret_cast<const io_uring_cqe*>(rings_ + params_.cq_off.cqes);
  const io_uring_cqe& entry = cqes[at & (params_.cq_entries - 1)];
  user_data = entry.user_data;
  result = entry.res;
  store(head, at + 1);
  return true;
}

}  // namespace pv::block
