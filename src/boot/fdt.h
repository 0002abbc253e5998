// Flattened device trees: building one, checking a user's, and patching it for this machine.
// Specification: Devicetree Specification v0.4, chapter 5. The work is libfdt's; this is a thin
// layer that grows buffers, keeps the first error and turns libfdt's codes into sentences.
// Deliberately absent: reading properties in general, overlays.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "memory/guest_address.h"

namespace pv::boot {

// Writes a tree in document order:
//
//   FdtBuilder fdt;
//   {
//     auto root = fdt.node("");
//     fdt.prop("#address-cells", 2u);
//     auto uart = fdt.node("uart", 0x9000000);           // uart@9000000, closed by its scope
//     fdt.strings("compatible", {"arm,pl011", "arm,primecell"});
//     fdt.reg({{0x9000000, 0x1000}});
//   }
//   std::vector<u8> blob = TRY(fdt.finish());
//
// Properties of a node come before its children. Errors wait for finish().
class FdtBuilder {
 public:
  // An open node; closes it when it goes out of scope.
  class [[nodiscard]] Node {
   public:
    explicit Node(FdtBuilder& builder) : builder_(&builder) {}
    Node(Node&& other) noexcept : builder_(std::exchange(other.builder_, nullptr)) {}
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    Node& operator=(Node&&) = delete;
    ~Node() {
      if (builder_ != nullptr) builder_->end_node();
    }

   private:
    FdtBuilder* builder_;
  };

  // `capacity` is a first guess in bytes; the buffer grows.
  explicit FdtBuilder(usize capacity = 8192);

  // An entry of the memory reservation block; before the first node.
  void reserve(u64 address, u64 size);

  Node node(const char* name);  // "" is the root
  Node node(std::string_view base,
            u64 unit_address);  // base@unit_address; base: at most 46 letters

  void prop(const char* name);  // empty: present means true
  void prop(const char* name, u32 cell);
  void prop(const char* name, u64 value);  // two cells
  void prop(const char* name, std::string_view string);
  void prop(const char* name, const char* string) { prop(name, std::string_view(string)); }
  void prop(const char* name, bool) = delete;
  void cells(const char* name, std::span<const u32> cells);
  void cells(const char* name, std::initializer_list<u32> list) {
    cells(name, std::span(list.begin(), list.size()));
  }
  void strings(const char* name, std::initializer_list<std::string_view> list);
  void bytes(const char* name, Bytes value);
  // `reg` for #address-cells = #size-cells = 2.
  struct Region {
    u64 base;
    u64 size;
  };
  void reg(std::span<const Region> regions, const char* name = "reg");
  void reg(std::initializer_list<Region> list, const char* name = "reg") {
    reg(std::span(list.begin(), list.size()), name);
  }

  // Numbers for `phandle` properties, from 1 on.
  u32 next_phandle() { return ++phandle_; }

  // The tree, packed. Errors: a node left open or anything that went wrong before.
  Result<std::vector<u8>> finish();

 private:
  friend class Node;
  void end_node();
  template <class Step>
  void step(const char* doing, Step once);

  std::vector<u8> buffer_;
  std::string failed_;  // the first error
  u32 phandle_ = 0;
  unsigned depth_ = 0;
  bool in_reservations_ = true;
};

// Whether `tree` is a whole, well-formed device tree. Errors say what else it is or where it ends.
Result<void> check_tree(Bytes tree);

// What the machine knows better than a user's tree. Absent members leave the tree as it is.
struct TreePatch {
  std::optional<std::string> bootargs;
  std::optional<memory::GuestRange> initrd;
  std::span<const memory::GuestRange> ram = {};  // replaces all memory nodes
  Bytes rng_seed = {};
  std::optional<u64> kaslr_seed;
};
// A copy of `tree` with /chosen and /memory set. Errors: as check_tree(), or cells that cannot
// express the addresses.
Result<std::vector<u8>> patch_tree(Bytes tree, const TreePatch& patch);

}  // namespace pv::boot
