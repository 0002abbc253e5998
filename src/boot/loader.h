// Placing and loading: where kernel, initrd and device tree lie in guest RAM, and the ways to get
// the bytes there without an intermediate buffer.
//
// LoadMethod::read lets the kernel copy from the page cache straight into guest RAM.
// LoadMethod::map maps whole pages of the file privately over guest RAM where the alignments agree
// (the rest is read): no copy, but 4 KiB pages in the second-stage tables. bench/ counts which is
// cheaper. RAM shared with another process (Backing::shared) is always read into, because
// that process would not see a private mapping.
// A mapped file that is truncated later faults when its lost pages are touched: a guest's touch
// makes KVM_RUN return EFAULT, which ends that guest with a message. The monitor itself touches
// only what it writes at load time and the buffers that a guest names for devices; those run as
// system calls on iovecs (EFAULT again), except small copies by virtio: hence `read` is the
// default.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/arch.h"
#include "boot/image.h"
#include "memory/guest_memory.h"

namespace pv::boot {

// ---- placing ------------------------------------------------------------------------------------

struct PlaceRequest {
  u64 initrd_size = 0;   // bytes; 0: none
  u64 tree_size = 0;     // bytes to keep free for the device tree; 0: none
  u64 waiting_size = 0;  // bytes for what other CPUs wait in (powerpc); 0: none
};
// What place() chose. A range of size 0 was not asked for.
struct Layout {
  GuestRange initrd;
  GuestRange tree;
  GuestRange waiting;  // page-aligned
};
// Chooses disjoint ranges beside the kernel, by the rules of docs/boot-contract.md. Errors: not
// enough RAM (says how much is needed), a tree larger than the architecture allows.
Result<Layout> place(const KernelImage& image, const Target& target, const PlaceRequest& request);

// ---- loading ------------------------------------------------------------------------------------

enum class LoadMethod : u8 { read, map };

struct LoadOptions {
  LoadMethod method = LoadMethod::read;
  // RAM as GuestMemory::add() gave it: what a segment leaves to be zero is not touched. Must be
  // false when the memory was used before (a reboot).
  bool ram_is_zero = true;
};

// What loading did, in bytes; benches and --log-level debug print it.
struct LoadStats {
  u64 copied = 0;
  u64 mapped = 0;
  u64 inflated = 0;
  u64 zeroed = 0;
};

// Loads the segments of `image`, which parse() made of the same `file`. Errors: the file changed
// or ended meanwhile, a broken compressed stream, one that holds more than it said.
Result<LoadStats> load_kernel(memory::GuestMemory& ram, const ImageFile& file,
                              const KernelImage& image, const LoadOptions& options = {});

// Loads the whole file at `where.base`; `where.size` is its size.
Result<LoadStats> load_file(memory::GuestMemory& ram, const ImageFile& file, GuestRange where,
                            const LoadOptions& options = {});

}  // namespace pv::boot
