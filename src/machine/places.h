// What lies where on a board, by name: for traces, which know addresses only. From the tables that
// the boards themselves are made of (machine/<arch>/memory_map.h, boards/*.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/arch.h"
#include "base/types.h"
#include "machine/pci_map.h"

namespace pv::machine {

class Places {
 public:
  // One device, or one of several alike, numbered.
  struct Found {
    std::string_view name;
    i64 number = -1;  // below 0: there is but one

    bool operator==(const Found&) const = default;
    // "uart", "virtio 2".
    std::string words() const;
  };

  // `board`: as --board has it. One that this polyvisor does not know is taken for the default.
  explicit Places(Arch arch, std::string_view board = {});

  // What answers there; an empty name where nothing is. `port`: an x86 port.
  Found find(bool port, u64 address) const;
  // Its words; empty where nothing is.
  std::string name(bool port, u64 address) const { return find(port, address).words(); }

  // Whether a write here is a mark (docs/boot-contract.md, "Marks"): by it a guest says how far it
  // has come. No device answers there: the write is seen by who traces the run.
  bool is_mark(bool port, u64 address) const { return port == mark_port_ && address == mark_; }

 private:
  struct Place {
    std::string_view name;
    u64 base;
    u64 size;
    u64 stride = 0;  // 0: one device; else as many as fit, numbered
    i64 first = 0;   // the number of the first
    bool port = false;
  };

  void add_aarch64(std::string_view board);
  void add_riscv64(std::string_view board);
  void add_powerpc();
  void add_x86_64();
  template <class Map>
  void add_common(const Map& map);
  Found pci_place(bool port, u64 address) const;

  std::vector<Place> places_;
  const PciMap* pci_ = nullptr;  // where a board has PCI
  u64 mark_ = 0;
  bool mark_port_ = false;
  bool io_are_ports_ = false;
};

}  // namespace pv::machine
