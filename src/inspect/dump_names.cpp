#include "inspect/dump_names.h"

#include "hv/registers.h"

namespace pv::inspect::dump_names {
namespace {

struct Alias {
  Arch arch;
  std::string_view theirs, ours;  // lower case
};

constexpr Alias aliases[] = {
    {Arch::aarch64, "pstate", "cpsr"},     {Arch::aarch64, "lr", "x30"},
    {Arch::aarch64, "fp", "x29"},          {Arch::aarch64, "esr", "esr_el1"},
    {Arch::aarch64, "far", "far_el1"},     {Arch::aarch64, "elr", "elr_el1"},
    {Arch::aarch64, "vbar", "vbar_el1"},   {Arch::riscv64, "s0", "fp"},
    {Arch::riscv64, "mstatus", "sstatus"}, {Arch::riscv64, "epc", "pc"},
    {Arch::riscv64, "status", "sstatus"},  {Arch::riscv64, "cause", "scause"},
    {Arch::riscv64, "badaddr", "stval"},   {Arch::riscv64, "x0", "zero"},
    {Arch::powerpc, "nip", "pc"},          {Arch::powerpc, "esr", "esr"},
    {Arch::x86_64, "rfl", "eflags"},       {Arch::x86_64, "efl", "eflags"},
    {Arch::x86_64, "eip", "rip"},          {Arch::x86_64, "eax", "rax"},
    {Arch::x86_64, "ebx", "rbx"},          {Arch::x86_64, "ecx", "rcx"},
    {Arch::x86_64, "edx", "rdx"},          {Arch::x86_64, "esi", "rsi"},
    {Arch::x86_64, "edi", "rdi"},          {Arch::x86_64, "ebp", "rbp"},
    {Arch::x86_64, "esp", "rsp"},
};

struct Betrayal {
  std::string_view name;
  Arch arch;
};
constexpr Betrayal betrayals[] = {
    {"x00", Arch::aarch64},      {"pstate", Arch::aarch64},  {"elr_el1", Arch::aarch64},
    {"vbar_el1", Arch::aarch64}, {"rip", Arch::x86_64},      {"eip", Arch::x86_64},
    {"rax", Arch::x86_64},       {"cr3", Arch::x86_64},      {"nip", Arch::powerpc},
    {"gpr00", Arch::powerpc},    {"ivpr", Arch::powerpc},    {"srr0", Arch::powerpc},
    {"x1/ra", Arch::riscv64},    {"mhartid", Arch::riscv64}, {"sepc", Arch::riscv64},
    {"stvec", Arch::riscv64},    {"satp", Arch::riscv64},    {"cpsr", Arch::aarch64},
    {"x29", Arch::aarch64},      {"epc", Arch::riscv64},     {"ra", Arch::riscv64},
    {"badaddr", Arch::riscv64},  {"xer", Arch::powerpc},
};

std::string lower(std::string_view name) {
  std::string small(name);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

bool digit(char c) { return c >= '0' && c <= '9'; }

// "x07" as "x7": numbers without leading zeros.
std::string plain_number(std::string name) {
  usize at = name.size();
  while (at > 0 && digit(name[at - 1])) --at;
  while (at + 1 < name.size() && name[at] == '0') name.erase(at, 1);
  return name;
}

}  // namespace

std::string canonical(Arch arch, std::string_view name) {
  if (name.empty() || name.size() > 24) return {};
  std::string ours = lower(name);
  if (const usize slash = ours.find('/'); slash != ours.npos) ours.erase(0, slash + 1);
  const hv::RegisterFile file(arch, hv::register_table(arch));
  for (const Alias& alias : aliases)
    if (alias.arch == arch && alias.theirs == ours) ours = alias.ours;
  if (file.index(ours)) return ours;
  ours = plain_number(ours);
  return file.index(ours) ? ours : std::string();
}

std::optional<Arch> betrays(std::string_view name) {
  const std::string small = lower(name);
  for (const Betrayal& betrayal : betrayals)
    if (betrayal.name == small) return betrayal.arch;
  return std::nullopt;
}

}  // namespace pv::inspect::dump_names
