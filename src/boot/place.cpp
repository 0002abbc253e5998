// Where initrd and device tree go: docs/boot-contract.md, which follows Linux arm64/booting.rst
// (tree: 8-byte aligned, at most 2 MiB, not across a 2 MiB boundary; initrd: in the 32 GiB window
// of the Image), riscv/boot.rst and x86/boot.rst (initrd_addr_max); for powerpc ePAPR 1.1, 5.4.2.
#include <algorithm>
#include <bit>

#include "base/text.h"
#include "boot/loader.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

constexpr u64 page = 4096;
constexpr u64 tree_block = 2_MiB;
constexpr u64 usual_reach = 1_GiB;  // from the start of RAM

struct Limits {
  u64 low;
  u64 high;  // exclusive
};

// Highest aligned hole of `size` bytes between `limits` that is RAM and not `taken`.
std::optional<GuestRange> highest_hole(std::span<const GuestRange> ram,
                                       std::span<const GuestRange> taken, u64 size, u64 alignment,
                                       Limits limits) {
  for (usize i = ram.size(); i-- > 0;) {
    u64 low = std::max(ram[i].base.value(), limits.low);
    u64 high = std::min(ram[i].end(), limits.high);
    while (high > low && high - low >= size) {
      u64 base = align_down(high - size, alignment);
      if (base < low) break;
      GuestRange hole{GuestAddress(base), size};
      auto blocking =
          std::ranges::find_if(taken, [&](const GuestRange& t) { return t.overlaps(hole); });
      if (blocking == taken.end()) return hole;
      high = blocking->base.value();
    }
  }
  return std::nullopt;
}

class Placer {
 public:
  Placer(const KernelImage& image, const Target& target) : target_(target), image_(image) {
    taken_ = image.memory;
    for (const Reserved& reserved : target.reserved) taken_.push_back(reserved.range);
  }

  std::optional<GuestRange> tree(u64 size) {
    u64 base = target_.ram.front().base.value();
    GuestRange first{GuestAddress(base), 1_MiB};
    bool image_protocol =
        image_.format == Format::arm64_image || image_.format == Format::riscv_image;
    // Programs written for QEMU look for the tree where RAM begins.
    if (target_.arch == Arch::aarch64 && !image_protocol && size <= first.size &&
        target_.ram.front().size >= first.size && free(first))
      return take(GuestRange{first.base, size});
    if (auto hole = find(size, tree_block)) {
      tree_block_ = GuestRange{hole->base, tree_block};
      return take(*hole);
    }
    // Small RAM without a free block: a power of two never crosses one.
    if (auto hole = find(size, std::bit_ceil(std::max(size, u64{8})))) return take(*hole);
    return std::nullopt;
  }

  // As high as the tree may be, so that it lies in the same mapping.
  std::optional<GuestRange> waiting(u64 size) {
    auto hole = find(size, page);
    if (hole) take(*hole);
    return hole;
  }

  std::optional<GuestRange> initrd(u64 size) {
    // Below the tree's block; beside the tree only where memory is short.
    usize before = taken_.size();
    taken_.push_back(tree_block_);
    auto hole = find(size, page);
    taken_.resize(before);
    if (!hole) hole = find(size, page);
    if (hole) take(*hole);
    return hole;
  }

 private:
  bool free(GuestRange range) const {
    return std::ranges::none_of(taken_, [&](const GuestRange& t) { return t.overlaps(range); });
  }
  GuestRange take(GuestRange range) {
    taken_.push_back(range);
    return range;
  }

  // Below it nothing is placed.
  u64 lowest() const {
    u64 base = target_.ram.front().base.value();
    // The CPU's first MiB on x86 belongs to firmware habits and to the monitor.
    if (target_.arch == Arch::x86_64) return std::max(base, 1_MiB);
    // Address 0 is "no device tree" in r3, and an e500v2's KVM shows guests a page of its own
    // there.
    if (target_.arch == Arch::powerpc) return base + page;
    return base;
  }

  // First within the usual reach, then as far as the architecture lets the kernel see.
  std::optional<GuestRange> find(u64 size, u64 alignment) const {
    u64 base = target_.ram.front().base.value();
    Limits limits{lowest(), base + usual_reach};
    Limits widest{lowest(), ~u64{0}};
    if (target_.arch == Arch::powerpc) {
      // The smallest boot mapping, then what a 32-bit kernel maps without being asked.
      limits.high = base + 64_MiB;
      widest.high = base + 768_MiB;
    }
    if (target_.arch == Arch::aarch64) {
      u64 window = align_down(image_.extent().base.value(), 1_GiB);
      widest = {std::max(lowest(), window), window + 32_GiB};
    }
    if (target_.arch == Arch::x86_64) {
      widest.high = 4_GiB;
      if (image_.format == Format::bzimage)
        widest.high = std::min(widest.high, image_.x86.initrd_addr_max + 1);
      limits = widest;
    }
    limits.high = std::min(limits.high, widest.high);
    u64 image = image_.extent().base.value();
    if (target_.arch == Arch::powerpc && image < limits.high) {
      // The little room below a program is the last resort: it may be meant for vectors.
      for (Limits above : {limits, widest}) {
        above.low = std::max(above.low, image);
        if (auto hole = highest_hole(target_.ram, taken_, size, alignment, above)) return hole;
      }
    }
    if (auto hole = highest_hole(target_.ram, taken_, size, alignment, limits)) return hole;
    return highest_hole(target_.ram, taken_, size, alignment, widest);
  }

  const Target& target_;
  const KernelImage& image_;
  std::vector<GuestRange> taken_;
  GuestRange tree_block_;  // all of the 2 MiB block in which the tree lies
};

std::unexpected<Error> no_room(const KernelImage& image, const Target& target,
                               const PlaceRequest& request) {
  u64 ram = 0;
  for (const GuestRange& range : target.ram) ram += range.size;
  constexpr u64 slack = 2 * tree_block;
  std::string hint = "give the guest more memory with --mem";
  constexpr u64 countable = u64{1} << 50;
  if (request.initrd_size < countable) {
    u64 need = image.extent().end() - target.ram.front().base.value() +
               align_up(request.initrd_size, page) + align_up(request.tree_size, page) + slack;
    if (need > ram)
      hint = memory_hint(need);
    else
      hint = "the kernel and its protocol leave no hole that is large enough: use a smaller initrd";
  }
  return fail(Error::Kind::image,
              text("the kernel at {}, an initrd of {} bytes and a device tree of up to {} bytes do "
                   "not fit guest RAM {}",
                   range_text(image.extent()), request.initrd_size, request.tree_size,
                   ram_text(target.ram)),
              std::move(hint));
}

}  // namespace

Result<Layout> place(const KernelImage& image, const Target& target, const PlaceRequest& request) {
  if (request.tree_size > tree_block)
    return fail(Error::Kind::image,
                text("the device tree has {} bytes; kernels map at most {} of it",
                     request.tree_size, size_text(tree_block)),
                "use a smaller tree");
  Placer placer(image, target);
  Layout layout;
  if (request.tree_size != 0) {
    auto tree = placer.tree(request.tree_size);
    if (!tree) return no_room(image, target, request);
    layout.tree = *tree;
  }
  if (request.waiting_size != 0) {
    auto waiting = placer.waiting(request.waiting_size);
    if (!waiting) return no_room(image, target, request);
    layout.waiting = *waiting;
  }
  if (request.initrd_size != 0) {
    auto initrd = placer.initrd(request.initrd_size);
    if (!initrd) return no_room(image, target, request);
    layout.initrd = *initrd;
  }
  return layout;
}

}  // namespace pv::boot
