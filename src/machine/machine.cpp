#include "machine/machine.h"

#include <algorithm>

#include "base/text.h"
#include "machine/aarch64/board.h"
#include "machine/powerpc/board.h"
#include "machine/riscv64/board.h"
#include "machine/x86_64/board.h"

namespace pv::machine {

std::string with_console(std::string_view line, std::string_view console) {
  if (line.find("console=") != line.npos) return std::string(line);
  if (line.empty()) return std::string(console);
  return text("{} {}", console, line);
}

std::vector<virtio::Transport*> Machine::transports() const {
  std::vector<virtio::Transport*> all;
  for (const VirtioSlot& slot : virtio_slots()) all.push_back(slot.transport.get());
  for (virtio::VirtioPci* function : virtio_functions()) all.push_back(function);
  return all;
}

std::string with_earlycon(std::string line, std::string_view early) {
  if (line.find("earlycon") != line.npos) return line;
  return line.empty() ? text("earlycon={}", early) : text("{} earlycon={}", line, early);
}

std::span<const std::string_view> boards(Arch arch) {
  static constexpr std::string_view one[] = {"virt"};
  static constexpr std::string_view ppce500[] = {"virt", "ppce500"};  // QEMU's name of the same map
  switch (arch) {
    case Arch::aarch64: return aarch64::board_names();
    case Arch::riscv64: return riscv64::board_names();
    case Arch::powerpc: return ppce500;
    default: return one;
  }
}

std::string board_list(Arch arch, std::string_view separator) {
  std::string all;
  for (std::string_view one : boards(arch)) {
    if (!all.empty()) all += separator;
    all += one;
  }
  return all;
}

Result<std::unique_ptr<Machine>> create(Arch arch, const Spec& spec) {
  const auto known = boards(arch);
  if (!spec.board.empty() && std::ranges::find(known, spec.board) == known.end())
    return fail(Error::Kind::usage, text("there is no board \"{}\" for {}", spec.board, name(arch)),
                text("choose one with --board: {}", board_list(arch, ", ")));
  switch (arch) {
    case Arch::aarch64: return std::make_unique<aarch64::Board>(spec);
    case Arch::riscv64: return std::make_unique<riscv64::Board>(spec);
    case Arch::x86_64: return std::make_unique<x86_64::Board>(spec);
    case Arch::powerpc:
      if (spec.has_pci())
        return fail(Error::Kind::usage, "--transport pci: this board has no PCI on powerpc",
                    "use --transport mmio");
      return std::make_unique<powerpc::Board>(spec);
  }
  return fail(Error::Kind::host, text("polyvisor has no machine for {}", name(arch)));
}

}  // namespace pv::machine
