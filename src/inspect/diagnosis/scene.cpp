#include "inspect/diagnosis/scene.h"

#include <algorithm>
#include <array>

#include "base/endian.h"
#include "base/text.h"

namespace pv::inspect {

const Architecture& architecture(Arch arch) {
  switch (arch) {
    case Arch::aarch64: return aarch64::diagnosed;
    case Arch::riscv64: return riscv64::diagnosed;
    case Arch::powerpc: return powerpc::diagnosed;
    case Arch::x86_64: return x86_64::diagnosed;
  }
  return aarch64::diagnosed;
}

Scene::Scene(Subject& subject, unsigned cpu)
    : subject_(subject), cpu_(cpu), architecture_(inspect::architecture(subject.facts().arch)) {}

void Scene::add(hv::RegisterFile file) {
  CpuState state = architecture_.state(file);
  if (architecture_.refine != nullptr) architecture_.refine(subject_, file, state);
  states_.push_back(std::move(state));
  files_.push_back(std::move(file));
}

std::optional<u32> Scene::word(u64 address) const {
  std::array<u8, 4> bytes;
  if (!read(address, bytes)) return std::nullopt;
  return big_endian(arch()) ? load_as<Be32>(bytes, 0) : load_as<Le32>(bytes, 0);
}

Instruction Scene::instruction(u64 address) const {
  std::array<u8, 16> bytes;
  // Shorter where memory ends.
  for (usize size : {usize{16}, usize{4}, usize{2}, usize{1}})
    if (read(address, std::span(bytes).first(size)))
      return architecture_.decode(std::span(bytes).first(size), address);
  return {.op = Op::other, .size = 0, .target = 0};
}

bool Scene::readable(u64 address) const {
  std::array<u8, 1> byte;
  return read(address, byte);
}

bool Scene::zeros_at(u64 address) const {
  std::array<u8, 32> bytes;
  return read(address, bytes) && std::ranges::all_of(bytes, [](u8 byte) { return byte == 0; });
}

std::string Scene::place(u64 address) const {
  const std::string name = names_ != nullptr ? names_->describe(address) : std::string();
  return name.empty() ? text("{:#x}", address) : text("{} ({:#x})", name, address);
}

std::string Scene::return_place(u64 address) const {
  const std::string name = names_ != nullptr ? names_->describe(address) : std::string();
  if (name.empty() || name.find('+') != name.npos) return place(address);
  const std::string before = names_->describe(address - 1);
  return before.empty() ? place(address) : text("the end of {} ({:#x})", before, address);
}

}  // namespace pv::inspect
