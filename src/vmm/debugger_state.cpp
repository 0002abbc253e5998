// The debugger's view of a guest that stands still: registers, memory, what `monitor` prints.
#include <algorithm>

#include "base/text.h"
#include "inspect/address_space.h"
#include "inspect/gdb/packet.h"
#include "vmm/debugger.h"

namespace pv::vmm {

// All of a CPU's registers, read once in each halt.
Result<const hv::RegisterFile*> Debugger::registers(unsigned cpu) {
  if (!files_[cpu]) {
    Result<hv::RegisterFile> file = fail(Error::Kind::host, "the VM is ending");
    group_.on_vcpu(cpu, [&](hv::Vcpu& vcpu) { file = vcpu.read_registers(hv::all_registers); });
    files_[cpu] = TRY(std::move(file));
  }
  return &*files_[cpu];
}

Result<hv::RegisterFile> Debugger::read_registers(unsigned cpu, hv::RegisterGroups) {
  return *TRY(registers(cpu));
}

Result<void> Debugger::write_register(unsigned cpu, usize index, hv::RegisterValue value) {
  Result<void> done = fail(Error::Kind::host, "the VM is ending");
  group_.on_vcpu(cpu, [&](hv::Vcpu& vcpu) { done = vcpu.write_register(index, value); });
  files_[cpu].reset();
  return done;
}

u64 Debugger::pc_of(unsigned cpu) {
  auto file = registers(cpu);
  return file ? (*file)->get_or(hv::program_counter(host_arch), 0) : 0;
}

// `left`: how many bytes of the page begin there.
Result<u64> Debugger::translate(unsigned cpu, u64 address, u64& left) {
  constexpr u64 smallest_page = 1_KiB;
  auto walk = inspect::address_space(*TRY(registers(cpu)), read_physical_);
  auto found = TRY(walk->translate(address));
  u64 size = std::max(found.size, smallest_page);
  left = size - (found.physical & (size - 1));
  return found.physical;
}

Result<usize> Debugger::read_memory(unsigned cpu, bool physical, u64 address, MutableBytes into) {
  usize done = 0;
  while (done < into.size()) {
    u64 left = 4_KiB - (address & (4_KiB - 1)), from = address;
    if (!physical) {
      auto found = translate(cpu, address, left);
      if (!found && done == 0) return std::unexpected(found.error());
      if (!found) break;
      from = *found;
    }
    usize piece = static_cast<usize>(std::min<u64>(left, into.size() - done));
    if (!read_ram(from, into.subspan(done, piece))) {
      if (done == 0)
        return fail(Error::Kind::image, text("{:#x} (physical {:#x}) is not RAM", address, from),
                    "device registers are not read from here: that could change them");
      break;
    }
    done += piece;
    address += piece;
  }
  return done;
}

Result<void> Debugger::write_memory(unsigned cpu, bool physical, u64 address, Bytes from) {
  while (!from.empty()) {
    u64 left = 4_KiB - (address & (4_KiB - 1)), to = address;
    if (!physical) to = TRY(translate(cpu, address, left));
    usize piece = static_cast<usize>(std::min<u64>(left, from.size()));
    if (!write_ram(to, from.first(piece)))
      return fail(Error::Kind::image, text("{:#x} (physical {:#x}) is not RAM", address, to));
    from = from.subspan(piece);
    address += piece;
  }
  return {};
}

std::optional<u32> Debugger::fetch(unsigned cpu, u64 address) {
  std::array<u8, 4> bytes{};
  // Two bytes may be all that is mapped, and on riscv64 all that is wanted.
  auto got = read_memory(cpu, false, address, bytes);
  if (!got || *got < 2) return std::nullopt;
  u32 value = 0;
  for (usize i = 0; i < 4; ++i)
    value |= u32{bytes[i]} << (host_arch == Arch::powerpc ? 24 - 8 * i : 8 * i);
  return value;
}

std::string Debugger::describe(unsigned cpu) {
  auto file = registers(cpu);
  if (!file) return text("CPU {}", cpu);
  return text("CPU {}: {}", cpu, name((*file)->activity));
}

std::string Debugger::shortcomings() const {
  std::string lacks;
  auto add = [&](const char* what) { lacks += (lacks.empty() ? "" : ", ") + std::string(what); };
  if (!limits_.available) return "this host's KVM cannot debug guests: registers and memory only";
  if (!limits_.software_breakpoints) add("software breakpoints");
  if (limits_.breakpoints == 0) add("hardware breakpoints");
  if (limits_.watchpoints == 0) add("watchpoints");
  if (!limits_.single_step && !limits_.software_breakpoints) add("single steps");
  return lacks.empty() ? lacks : "this host's KVM has none of: " + lacks;
}

std::string Debugger::monitor_limits() const {
  std::string step = limits_.single_step            ? "by the host"
                     : limits_.software_breakpoints ? "by breakpoints behind each instruction"
                                                    : "none";
  return text(
      "tried out on this host before the guest started:\n"
      "software breakpoints: {}\nhardware breakpoints: {}\nwatchpoints: {}{}\nsteps: {}\n",
      limits_.software_breakpoints ? "yes"
      : limits_.breakpoints != 0   ? "no, hardware breakpoints are used instead"
                                   : "no",
      limits_.breakpoints, limits_.watchpoints,
      host_arch == Arch::x86_64 && limits_.watchpoints != 0 ? " (shared with the breakpoints)" : "",
      step);
}

std::string Debugger::monitor_translate(unsigned cpu, std::string_view argument) {
  u64 address = 0;
  if (argument.starts_with("0x")) argument.remove_prefix(2);
  auto parsed = inspect::gdb::take_hex(argument);
  if (!parsed || !argument.empty()) return "translate ADDRESS: a hexadecimal number\n";
  address = *parsed;
  auto file = registers(cpu);
  if (!file) return file.error().message + "\n";
  auto walk = inspect::address_space(**file, read_physical_);
  inspect::Steps steps;
  auto found = walk->translate(address, &steps);
  std::string out;
  for (const auto& step : steps.all())
    out += text("level {}: entry at {:#x} is {:#x}\n", step.level, step.address, step.entry);
  if (!found) return out + found.error().message + "\n";
  auto rights = [](const inspect::Rights& r) {
    return std::string{r.read ? 'r' : '-', r.write ? 'w' : '-', r.execute ? 'x' : '-'};
  };
  return out +
         text("{:#x} is {:#x}, {}; kernel {}, user {}{}\n", address, found->physical,
              found->size == 0 ? "no translation is on" : text("in {}", size_text(found->size)),
              rights(found->kernel), rights(found->user), found->device ? ", device" : "");
}

std::string Debugger::monitor_registers(unsigned cpu) {
  auto file = registers(cpu);
  if (!file) return file.error().message + "\n";
  std::string out;
  for (usize i = 0; i < (*file)->table.size(); ++i) {
    const hv::RegisterInfo& info = (*file)->table[i];
    if (info.group == hv::RegisterGroup::system && (*file)->known[i] != 0)
      out += text("{:<18} {:#x}\n", info.name, (*file)->values[i].low);
  }
  return out;
}

std::string Debugger::monitor(unsigned cpu, std::string_view line) {
  if (line == "limits") return monitor_limits();
  if (line == "reset") {
    ending_ = true;
    hooks_.finish({Outcome::Kind::reset, 0, {}, {}});
    return "This boot ends here. The next one, which run --reboot starts, waits at the same "
           "address.\n";
  }
  if (line == "registers") return monitor_registers(cpu);
  if (line == "exits") return hooks_.exit_report() + "\n";
  if (line.starts_with("translate ")) return monitor_translate(cpu, line.substr(10));
  if (line == "physical on" || line == "physical off")
    return "use: maintenance packet Qqemu.PhyMemMode:1 (or 0)\n";
  return "monitor commands:\n"
         "  translate ADDRESS   walk the guest's page tables for this thread's CPU\n"
         "  registers           this thread's system registers\n"
         "  limits              what this host can do for a debugger, as it was tried out\n"
         "  why                 why the last request failed\n"
         "  exits               how often the guest left to the monitor, by cause\n"
         "  reset               end this boot as the guest's own reset would\n"
         "  help                this list\n"
         "Physical memory: maintenance packet Qqemu.PhyMemMode:1, and :0 for virtual again\n";
}

}  // namespace pv::vmm
