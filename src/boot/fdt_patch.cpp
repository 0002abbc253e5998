// A user's own device tree: checking it, and setting in it what this machine knows better.
// Specification: Devicetree Specification v0.4, 3.4 (/memory) and 3.6 (/chosen), 5.2 (the header).
#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "base/text.h"
#include "boot/fdt.h"

#if PV_HAVE_FDT
#include <libfdt.h>
#endif

namespace pv::boot {

namespace {
constexpr usize header_size = 40;
constexpr u32 tree_magic = 0xd00dfeed;
constexpr const char* compile_it = "compile a source tree with dtc -O dtb";
}  // namespace

#if PV_HAVE_FDT
namespace {

std::unexpected<Error> broken(std::string_view doing, int status) {
  return fail(Error::Kind::image, text("device tree: {}: {}", doing, ::fdt_strerror(status)),
              "check it with dtc -I dtb");
}

// A number in `cells` cells; false when it does not fit.
bool append_cells(std::vector<u8>& out, u64 value, int cells) {
  if (cells < 1 || cells > 2 || (cells == 1 && value >> 32 != 0)) return false;
  u8 bytes[8];
  Be64 number(value);
  std::memcpy(bytes, &number, sizeof bytes);
  out.insert(out.end(), bytes + (cells == 1 ? 4 : 0), bytes + 8);
  return true;
}

class Patcher {
 public:
  explicit Patcher(std::vector<u8> tree) : tree_(std::move(tree)) {}

  Result<void> chosen(const TreePatch& patch) {
    if (patch.bootargs) {
      const std::string& args = *patch.bootargs;
      TRY(set("bootargs", {reinterpret_cast<const u8*>(args.c_str()), args.size() + 1}));
    }
    if (patch.initrd) {
      Be64 start(patch.initrd->base.value()), end(patch.initrd->end());
      TRY(set("linux,initrd-start", {reinterpret_cast<const u8*>(&start), 8}));
      TRY(set("linux,initrd-end", {reinterpret_cast<const u8*>(&end), 8}));
    } else {
      // What another run had lies nowhere now.
      TRY(remove("linux,initrd-start"));
      TRY(remove("linux,initrd-end"));
    }
    if (!patch.rng_seed.empty()) TRY(set("rng-seed", patch.rng_seed));
    if (patch.kaslr_seed) {
      Be64 seed(*patch.kaslr_seed);
      TRY(set("kaslr-seed", {reinterpret_cast<const u8*>(&seed), 8}));
    }
    return {};
  }

  // Removes every memory node of the root and describes `ram` in a new one.
  Result<void> memory(std::span<const memory::GuestRange> ram) {
    int address_cells = ::fdt_address_cells(tree_.data(), 0);
    int size_cells = ::fdt_size_cells(tree_.data(), 0);
    std::vector<u8> reg;
    for (const memory::GuestRange& range : ram)
      if (!append_cells(reg, range.base.value(), address_cells) ||
          !append_cells(reg, range.size, size_cells))
        return fail(Error::Kind::image,
                    text("device tree: {} bytes of RAM at {:#x} cannot be written with "
                         "#address-cells = {} and #size-cells = {}",
                         range.size, range.base.value(), address_cells, size_cells),
                    "use two cells for each in the root of the tree");
    remove_memory_nodes();
    std::string name = text("memory@{:x}", ram.front().base.value());
    int node = ::fdt_add_subnode(tree_.data(), 0, name.c_str());
    if (node < 0) return broken("adding /memory", node);
    if (int status = ::fdt_setprop_string(tree_.data(), node, "device_type", "memory"))
      return broken("/memory", status);
    if (int status =
            ::fdt_setprop(tree_.data(), node, "reg", reg.data(), static_cast<int>(reg.size())))
      return broken("/memory", status);
    return {};
  }

  std::vector<u8> take() {
    ::fdt_pack(tree_.data());
    tree_.resize(fdt_totalsize(tree_.data()));
    return std::move(tree_);
  }

 private:
  void remove_memory_nodes() {
    for (int node = ::fdt_first_subnode(tree_.data(), 0); node >= 0;) {
      int length = 0;
      auto* type =
          static_cast<const char*>(::fdt_getprop(tree_.data(), node, "device_type", &length));
      bool is_memory = type != nullptr && length == 7 && std::memcmp(type, "memory", 7) == 0;
      if (!is_memory) {
        node = ::fdt_next_subnode(tree_.data(), node);
        continue;
      }
      if (::fdt_del_node(tree_.data(), node) != 0) return;
      node = ::fdt_first_subnode(tree_.data(), 0);  // offsets have moved
    }
  }

  Result<void> set(const char* property, Bytes value) {
    int node = ::fdt_path_offset(tree_.data(), "/chosen");
    if (node == -FDT_ERR_NOTFOUND) node = ::fdt_add_subnode(tree_.data(), 0, "chosen");
    if (node < 0) return broken("/chosen", node);
    int status =
        ::fdt_setprop(tree_.data(), node, property, value.data(), static_cast<int>(value.size()));
    if (status != 0) return broken(text("/chosen {}", property), status);
    return {};
  }

  Result<void> remove(const char* property) {
    int node = ::fdt_path_offset(tree_.data(), "/chosen");
    int status = node < 0 ? node : ::fdt_delprop(tree_.data(), node, property);
    if (status != 0 && status != -FDT_ERR_NOTFOUND)
      return broken(text("/chosen {}", property), status);
    return {};
  }

  std::vector<u8> tree_;
};

}  // namespace

Result<void> check_tree(Bytes tree) {
  if (tree.size() < header_size)
    return fail(Error::Kind::image,
                text("is no device tree: {} bytes are less than its header", tree.size()),
                compile_it);
  u32 magic = load_as<Be32>(tree, 0);
  if (magic != tree_magic)
    return fail(
        Error::Kind::image,
        text("is no device tree: it begins with {:#010x} instead of {:#010x}", magic, tree_magic),
        compile_it);
  u32 size = load_as<Be32>(tree, 4);
  if (size > tree.size())
    return fail(Error::Kind::image,
                text("is a truncated device tree: its header tells of {} bytes, there are {}", size,
                     tree.size()),
                "copy the file again");
  if (int status = ::fdt_check_full(tree.data(), tree.size()); status != 0)
    return fail(Error::Kind::image, text("is a broken device tree: {}", ::fdt_strerror(status)),
                "check it with dtc -I dtb");
  return {};
}

Result<std::vector<u8>> patch_tree(Bytes tree, const TreePatch& patch) {
  TRY(check_tree(tree));
  usize room = tree.size() + 1024 + (patch.bootargs ? patch.bootargs->size() : 0) +
               patch.rng_seed.size() + patch.ram.size() * 16;
  std::vector<u8> copy(room);
  // Trees of old versions are converted; version 16 and up can be edited.
  if (int status = ::fdt_open_into(tree.data(), copy.data(), static_cast<int>(room)))
    return broken("making room", status);
  Patcher patcher(std::move(copy));
  TRY(patcher.chosen(patch));
  if (!patch.ram.empty()) TRY(patcher.memory(patch.ram));
  return patcher.take();
}

#else

Result<void> check_tree(Bytes) {
  return fail(Error::Kind::host, "this build of polyvisor was made without libfdt",
              "run without --dtb");
}
Result<std::vector<u8>> patch_tree(Bytes tree, const TreePatch&) {
  TRY(check_tree(tree));
  return std::vector<u8>(tree.begin(), tree.end());
}

#endif

}  // namespace pv::boot
