#include "inspect/kernel_names.h"

#include <array>

#include "base/endian.h"
#include "base/text.h"

namespace pv::inspect {
namespace {

constexpr u64 granule = 4_KiB;  // kernels are moved by more

// The address that the IDT's entry for page faults holds (Intel SDM volume 3, 6.14.1).
std::optional<u64> page_fault_entry(Subject& subject, const hv::RegisterFile& cpu) {
  std::array<u8, 16> gate;
  const u64 table = cpu.get_or("idt_base", 0);
  if (table == 0 || !subject.read_virtual(cpu, table + 14 * gate.size(), gate)) return std::nullopt;
  return u64{load_as<Le16>(gate, 0)} | u64{load_as<Le16>(gate, 6)} << 16 |
         u64{load_as<Le32>(gate, 8)} << 32;
}

}  // namespace

void KernelNames::find_own(Subject& subject, u64 kernel, const std::function<bool()>& go_on) {
  own_ = Kallsyms::find(subject, kernel, go_on);
}

bool KernelNames::moved(u64 there, std::string_view name, std::string how) {
  const auto here = file_->find(name);
  if (!here || (there - *here) % granule != 0) return false;
  move_ = there - *here;
  how_ = std::move(how);
  return true;
}

bool KernelNames::settle_by_registers(Subject& subject, const hv::RegisterFile& cpu) {
  // A register that the dump does not have, or that nobody has set, says nothing.
  const auto moved_as = [&](std::optional<u64> there, std::string_view name, const char* how) {
    return there.value_or(0) != 0 && moved(*there, name, how);
  };
  switch (cpu.arch) {
    case Arch::aarch64: return moved_as(cpu.get("vbar_el1"), "vectors", "VBAR_EL1 is its vectors");
    case Arch::riscv64:
      return moved_as(cpu.get("stvec"), "handle_exception", "stvec is its handle_exception");
    case Arch::x86_64: {
      const auto entry = page_fault_entry(subject, cpu);
      return entry && moved(*entry, "asm_exc_page_fault", "the IDT has its asm_exc_page_fault");
    }
    case Arch::powerpc: return false;
  }
  return false;
}

void KernelNames::settle(Subject& subject, const std::vector<hv::RegisterFile>& cpus) {
  if (file_ == nullptr) return;
  for (const hv::RegisterFile& cpu : cpus)
    if (settle_by_registers(subject, cpu)) return;
  constexpr std::string_view common = "schedule";
  const auto own = own_ ? own_->address_of(common) : std::nullopt;
  if (own) static_cast<void>(moved(*own, common, "the kernel's own table of names says so"));
}

std::string KernelNames::describe(u64 address) const {
  std::string name = file_ != nullptr ? file_->describe(address - move_) : std::string();
  return name.empty() && own_ ? own_->describe(address) : name;
}

std::optional<u64> KernelNames::address_of(std::string_view name) const {
  const auto in_file = file_ != nullptr ? file_->find(name) : std::nullopt;
  if (in_file) return *in_file + move_;
  return own_ ? own_->address_of(name) : std::nullopt;
}

std::string KernelNames::note() const {
  std::string words;
  if (file_ != nullptr) {
    words = text("Names: {} symbols of the file", file_->size());
    if (how_.empty())
      words += ", taken as they stand: nothing tells whether the kernel was moved";
    else if (move_ == 0)
      words += text(", where they stand ({})", how_);
    else
      words += text(", moved by {:#x} ({})", move_, how_);
  }
  if (own_)
    words += text("{}the {} of the guest's own table (kallsyms)",
                  words.empty() ? "Names: " : "; then ", own_->size());
  return words.empty() ? words : words + ".";
}

}  // namespace pv::inspect
