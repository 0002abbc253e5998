// Inspecting files that are no kernels, so far as it helps who mistook them for one: device trees,
// initramfs archives (Linux Documentation/driver-api/early-userspace/buffer-format.rst), disks.
#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "boot/elf_file.h"
#include "boot/fdt.h"
#include "boot/inspect_parts.h"
#include "boot/parse.h"

namespace pv::boot {
namespace {

constexpr usize cpio_header = 110;

// One member of a "newc" archive, as its header tells it.
struct Member {
  u64 name_size = 0;
  u64 size = 0;
  u32 mode = 0;
};

std::optional<Member> member_of(Bytes header) {
  const auto field = [&](usize index) -> std::optional<u64> {
    u64 value = 0;
    for (usize i = 0; i < 8; ++i) {
      const u8 c = header[6 + index * 8 + i];
      const u8 low = static_cast<u8>(c | 0x20);
      if (c >= '0' && c <= '9')
        value = value << 4 | (c - u64{'0'});
      else if (low >= 'a' && low <= 'f')
        value = value << 4 | (low - u64{'a'} + 10);
      else
        return std::nullopt;
    }
    return value;
  };
  if (header.size() < cpio_header || std::memcmp(header.data(), "07070", 5) != 0 ||
      (header[5] != '1' && header[5] != '2'))
    return std::nullopt;
  auto mode = field(1), size = field(6), name_size = field(11);
  if (!mode || !size || !name_size) return std::nullopt;
  return Member{*name_size, *size, static_cast<u32>(*mode)};
}

// A stream from which bytes are taken in order.
class Reader {
 public:
  explicit Reader(ByteStream stream) : stream_(std::move(stream)) {}
  // Whether `into` could be filled.
  Result<bool> take(MutableBytes into) {
    usize done = 0;
    while (done < into.size()) {
      usize got = TRY(stream_.read(into.subspan(done)));
      if (got == 0) return false;
      done += got;
    }
    at_ += done;
    return true;
  }
  Result<bool> skip(u64 bytes) {
    std::array<u8, 4096> scratch;
    for (; bytes > 0; bytes -= std::min<u64>(bytes, scratch.size()))
      if (!TRY(take({scratch.data(), static_cast<usize>(std::min<u64>(bytes, scratch.size()))})))
        return false;
    return true;
  }
  Result<bool> align(u64 to) { return skip(align_up(at_, to) - at_); }

 private:
  ByteStream stream_;
  u64 at_ = 0;
};

struct Archive {
  u64 members = 0;
  bool init = false;
  bool whole = false;
  u16 machine = 0;  // of the first ELF program met
};

// The machine of an ELF file by its first 20 bytes, 0 where it is none.
u16 elf_machine(Bytes start) {
  if (start.size() < 20 || !is_elf(start)) return 0;
  return start[5] == 2 ? u16{load_as<Be16>(start, 18)} : u16{load_as<Le16>(start, 18)};
}

Result<Archive> read_archive(const Content& content) {
  constexpr u64 most_members = 1'000'000, longest_name = 4096;
  Archive archive;
  Reader reader(TRY(ByteStream::of(content)));
  while (archive.members < most_members) {
    std::array<u8, cpio_header> header{};
    if (!TRY(reader.take(header))) return archive;
    auto member = member_of(header);
    if (!member || member->name_size == 0 || member->name_size > longest_name) return archive;
    std::string name(static_cast<usize>(member->name_size), '\0');
    if (!TRY(reader.take({reinterpret_cast<u8*>(name.data()), name.size()}))) return archive;
    name.pop_back();
    if (!TRY(reader.align(4))) return archive;
    if (name == "TRAILER!!!") {
      archive.whole = true;
      return archive;
    }
    ++archive.members;
    if (name.starts_with("./")) name.erase(0, 2);
    if (name == "init" || name == "/init") archive.init = true;
    std::array<u8, 20> start{};
    u64 looked = std::min<u64>(member->size, start.size());
    if (!TRY(reader.take({start.data(), static_cast<usize>(looked)}))) return archive;
    if (archive.machine == 0)
      archive.machine = elf_machine(Bytes(start).first(static_cast<usize>(looked)));
    if (!TRY(reader.skip(member->size - looked)) || !TRY(reader.align(4))) return archive;
  }
  return archive;
}

Result<void> inspect_cpio(const Content& content, Inspection& into) {
  Archive archive = TRY(read_archive(content));
  into.what = "a cpio archive (an initramfs)";
  into.instead = "it is no kernel: give it with --initrd, and a kernel with --kernel";
  into.fields.push_back({"members", "files in it", text("{}", archive.members)});
  into.fields.push_back({"init", "/init", archive.init ? "is there" : "is missing"});
  if (const char* machine = machine_name(archive.machine); archive.machine != 0)
    into.fields.push_back({"programs", "programs for",
                           machine != nullptr ? machine : text("machine {}", archive.machine)});
  if (!archive.whole)
    suspect(into, text("the archive is cut off or damaged after {} files", archive.members),
            "copy the file again");
  else if (!archive.init)
    suspect(into, "there is no /init in it: Linux goes on to mount a root file system",
            "name another program with --params rdinit=/PATH, or pack the archive from inside the "
            "folder that has init");
  return {};
}

// Strings of the root node, found without trusting more than check_tree() has checked.
std::string root_string(Bytes tree, std::string_view name) {
  const auto word = [&](u64 at) { return u64{u32{load_as<Be32>(tree, static_cast<usize>(at))}}; };
  constexpr u64 begin_node = 1, property = 3, nop = 4;
  const u64 strings = word(12);
  u64 at = word(8);
  if (at + 8 > tree.size() || word(at) != begin_node) return {};
  for (at += 8; at + 12 <= tree.size();) {
    if (word(at) == nop) {
      at += 4;
      continue;
    }
    if (word(at) != property) return {};
    const u64 size = word(at + 4), name_at = strings + word(at + 8);
    if (size > tree.size() - at - 12) return {};
    if (name_at + name.size() < tree.size() &&
        std::memcmp(tree.data() + name_at, name.data(), name.size()) == 0 &&
        tree[static_cast<usize>(name_at + name.size())] == 0) {
      std::string value(reinterpret_cast<const char*>(tree.data() + at + 12),
                        static_cast<usize>(size));
      value.resize(std::min(value.find('\0'), value.size()));
      for (char& c : value)
        if (c < 0x20 || c > 0x7e) c = '?';
      return value;
    }
    at += 12 + align_up(size, 4);
  }
  return {};
}

Result<void> inspect_tree(const Content& content, Inspection& into) {
  constexpr u64 largest = 16_MiB;
  const u64 size = std::min<u64>(u32{load_as<Be32>(content.head(), 4)}, largest);
  into.what = "a flattened device tree";
  into.instead = "it is no kernel: give it with --dtb, and a kernel with --kernel";
  std::vector<u8> tree(static_cast<usize>(size));
  if (content.holds(0, size)) TRY(content.read(0, tree));
  if (auto valid = check_tree(tree); !valid) {
    into.fields.push_back({"size", "size", rounded_size(u32{load_as<Be32>(content.head(), 4)})});
    // A FIT image of some size keeps its parts behind the tree, or in it.
    suspect(into, valid.error().message, "copy the file again");
    return {};
  }
  into.fields.push_back({"size", "size", rounded_size(size)});
  if (std::string model = root_string(tree, "model"); !model.empty())
    into.fields.push_back({"model", "model", model});
  if (std::string compatible = root_string(tree, "compatible"); !compatible.empty())
    into.fields.push_back({"compatible", "compatible with", compatible});
  if (std::string title = root_string(tree, "description"); !title.empty()) {
    into.what = "a FIT image (U-Boot)";
    into.instead = "take the kernel out of it with dumpimage";
    into.fields.push_back({"description", "description", title});
  }
  return {};
}

}  // namespace

Result<bool> inspect_foreign(const Content& content, Inspection& into) {
  Bytes head = content.head();
  const auto begins = [&](std::string_view magic) {
    return head.size() >= magic.size() && std::memcmp(head.data(), magic.data(), magic.size()) == 0;
  };
  auto known = recognise_foreign(head);
  if (!known) return false;
  into.kind = Inspection::Kind::foreign;
  into.what = known->what;
  into.instead = known->hint;
  if (begins("070701") || begins("070702")) TRY(inspect_cpio(content, into));
  constexpr usize tree_header = 40;
  if (begins("\xd0\x0d\xfe\xed") && head.size() >= tree_header) TRY(inspect_tree(content, into));
  if (begins("QFI\xfb") && head.size() >= 32)
    into.fields.push_back(
        {"virtual_size", "size of the disk", rounded_size(u64{load_as<Be64>(head, 24)})});
  return true;
}

}  // namespace pv::boot
