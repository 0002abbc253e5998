#include "machine/fdt_machine.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "boot/zero_page.h"

namespace pv::machine {
namespace {

constexpr u64 largest_tree = 2_MiB;

// Room kept for the tree before its size is known. A riscv64 hart takes up to 1.3 KiB, most of it
// the names of its extensions; a user's own tree gets a memory node, a command line and a seed.
u64 tree_room(unsigned cpus, u64 users_tree) {
  u64 room = 32_KiB + (users_tree != 0 ? users_tree : cpus * 2_KiB);
  return std::min(room, largest_tree);
}

Result<std::vector<u8>> read_users_tree(int fd) {
  if (fd < 0) return std::vector<u8>{};
  auto file = TRY(boot::ImageFile::open(fd, "device tree"));
  if (file.size() > largest_tree)
    return fail(Error::Kind::image, text("device tree: the file has {}, more than the {} that a "
                                         "kernel accepts",
                                         size_text(file.size()), size_text(largest_tree)));
  std::vector<u8> tree(static_cast<usize>(file.size()));
  TRY(file.read(0, tree));
  TRY(boot::check_tree(tree), "--dtb");
  return tree;
}

}  // namespace

Result<void> FdtMachine::build_uarts(const Wiring& wiring, const Uarts::Line& line) {
  if (wiring.debugcon.out != nullptr)
    return fail(Error::Kind::usage, text("{} has no debug port", name(arch_)),
                "hardware=debugcon is for x86_64; use hardware=serial");
  return uarts_.build(wiring.serials, line,
                      [&](bus::Range range, bus::MmioDevice& device, std::string_view name) {
                        return wiring.mmio.attach(range, device, name);
                      });
}

void FdtMachine::add_serial_aliases(boot::FdtBuilder& fdt) const {
  if (uarts_.count() < 2) return;
  auto aliases = fdt.node("aliases");
  for (usize port = 0; port < max_uarts; ++port)
    if (uarts_.present(port)) fdt.prop(text("serial{}", port).c_str(), uart_path(port));
}

// A console UART needs no word: /chosen/stdout-path names it.
std::string FdtMachine::linux_line(std::string line) const {
  if (spec_.virtio_console)
    line = with_console(line, text("console=hvc{}", spec_.virtio_console_index));
  if (spec_.early_uart) line = with_earlycon(std::move(line), uarts_.earlycon(*spec_.early_uart));
  return line;
}

Result<void> FdtMachine::load(const Payload& payload) {
  CHECK(guest_ram_ != nullptr);
  auto kernel = TRY(boot::ImageFile::open(payload.kernel, "kernel"));
  std::optional<boot::ImageFile> initrd;
  if (payload.initrd >= 0) initrd = TRY(boot::ImageFile::open(payload.initrd, "initrd"));
  auto users_tree = TRY(read_users_tree(payload.device_tree));

  auto target = boot::target_for(arch_, {&ram_, 1});
  target.only_32_bits = only_32_bits();
  auto image = TRY(boot::parse(kernel, target));
  std::string line = payload.command_line;
  if (boot::looks_like_linux(image)) line = linux_line(std::move(line));
  TRY(boot::check_command_line(image, line));
  boot::PlaceRequest request{initrd ? initrd->size() : 0, tree_room(spec_.cpus, users_tree.size()),
                             waiting_size()};
  auto layout = TRY(boot::place(image, target, request));

  TRY(boot::load_kernel(*guest_ram_, kernel, image));
  if (initrd) TRY(boot::load_file(*guest_ram_, *initrd, layout.initrd));
  TRY(placed(image, layout));
  tree_ = TRY(make_tree(payload, line, layout, users_tree));
  if (tree_.size() > layout.tree.size || !guest_ram_->write_bytes(layout.tree.base, tree_))
    return fail(Error::Kind::image, text("the device tree of {} bytes does not fit at {:#x}",
                                         tree_.size(), layout.tree.base.value()));
  entry_ = image.entry.value();
  tree_address_ = layout.tree.base.value();
  summary_ = text(
      "kernel: {} at {:#x}, entry {:#x}; initrd: {} bytes at {:#x}; device tree: {} "
      "bytes at {:#x}",
      boot::describe(image), image.extent().base.value(), entry_, layout.initrd.size,
      layout.initrd.base.value(), tree_.size(), tree_address_);
  return {};
}

Result<std::vector<u8>> FdtMachine::make_tree(const Payload& payload, const std::string& line,
                                              const boot::Layout& layout, Bytes users_tree) const {
  if (users_tree.empty())
    return build_tree({line, uart_path(spec_.console_uart), layout.initrd, payload.seed});
  if (layout.waiting.size != 0)
    return fail(Error::Kind::usage,
                "--dtb with more than one CPU: a tree made elsewhere cannot name the place where "
                "this machine's other CPUs wait (cpu-release-addr)",
                "leave --dtb out, or use --cpus 1");
  boot::TreePatch patch;
  if (!line.empty()) patch.bootargs = line;
  if (layout.initrd.size != 0) patch.initrd = layout.initrd;
  patch.ram = {&ram_, 1};
  patch.rng_seed = payload.seed;
  return TRY(boot::patch_tree(users_tree, patch), "--dtb");
}

}  // namespace pv::machine
