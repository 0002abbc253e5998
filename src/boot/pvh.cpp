#include "boot/pvh.h"

#include <cstring>

#include "base/endian.h"

namespace pv::boot {
namespace {

struct StartInfo {
  Le32 magic;  // 0x336ec578
  Le32 version;
  Le32 flags;
  Le32 modules;
  Le64 module_list;
  Le64 command_line;
  Le64 rsdp;
  Le64 memory_map;
  Le32 memory_map_entries;
  Le32 reserved;
};
static_assert(sizeof(StartInfo) == 56);

struct Module {
  Le64 address;
  Le64 size;
  Le64 command_line;
  Le64 reserved;
};
static_assert(sizeof(Module) == 32);

struct MemoryMapEntry {
  Le64 address;
  Le64 size;
  Le32 type;
  Le32 reserved;
};
static_assert(sizeof(MemoryMapEntry) == 24);

template <class T>
void append(std::vector<u8>& out, const T& value) {
  auto* p = reinterpret_cast<const u8*>(&value);
  out.insert(out.end(), p, p + sizeof value);
}

}  // namespace

std::vector<u8> build_pvh_start(const PvhStart& start) {
  bool module = start.initrd.size != 0;
  GuestAddress modules = start.at + sizeof(StartInfo);
  GuestAddress map = modules + (module ? sizeof(Module) : 0);

  std::vector<u8> out;
  out.reserve(sizeof(StartInfo) + sizeof(Module) +
              start.memory_map.size() * sizeof(MemoryMapEntry));
  StartInfo info;
  info.magic = 0x336ec578;
  info.version = 1;
  info.modules = module ? 1u : 0u;
  info.module_list = module ? modules.value() : 0;
  info.command_line = start.command_line.value();
  info.rsdp = start.rsdp.value();
  info.memory_map = start.memory_map.empty() ? 0 : map.value();
  info.memory_map_entries = static_cast<u32>(start.memory_map.size());
  append(out, info);
  if (module) {
    Module entry;
    entry.address = start.initrd.base.value();
    entry.size = start.initrd.size;
    append(out, entry);
  }
  for (const E820Entry& line : start.memory_map) {
    MemoryMapEntry entry;
    entry.address = line.range.base.value();
    entry.size = line.range.size;
    entry.type = static_cast<u32>(line.type);
    append(out, entry);
  }
  return out;
}

}  // namespace pv::boot
