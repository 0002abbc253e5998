// A register dump as text, from which a hang can be diagnosed without the guest: what people paste
// into mails. Understood: QEMU's `info registers` for aarch64, riscv64, PowerPC and x86_64, with
// `x/8wx` or `x/10i` lines; gdb's `info registers`; lines of NAME=VALUE and "code at PC: ..."; the
// registers and the "Code:" line of a Linux oops; and what `polyvisor diagnose --json` prints.
// "CPU#1" begins the next CPU.
//
// The text is hostile: everything is bounded. Absent: vector registers, symbols in a dump.
#pragma once

#include <optional>
#include <string_view>

#include "inspect/diagnosis/earlier_report.h"
#include "inspect/subject.h"

namespace pv::inspect {

struct CodeBlock {
  u64 address = 0;
  std::vector<u8> bytes;
};

struct Dump {
  Arch arch = Arch::aarch64;
  std::vector<hv::RegisterFile> cpus;
  std::vector<CodeBlock> memory;         // by virtual address
  std::optional<EarlierReport> earlier;  // of what diagnose --json has printed
};

inline constexpr usize max_dump = 4 << 20;  // bytes of text
inline constexpr usize max_cpus = 256;
inline constexpr usize max_blocks = 4096;  // of memory
inline constexpr usize max_block = 4096;   // bytes

// Errors (image): no registers in it, or too large.
Result<Dump> parse_dump(std::string_view text);

// The same moment for ever.
class DumpSubject final : public Subject {
 public:
  DumpSubject(Dump dump, std::string what);
  const Facts& facts() const override { return facts_; }
  Result<hv::RegisterFile> sample(unsigned cpu) override;
  bool read_physical(u64, MutableBytes) override { return false; }
  bool read_virtual(const hv::RegisterFile& cpu, u64 address, MutableBytes into) override;
  const EarlierReport* earlier() const override {
    return dump_.earlier ? &*dump_.earlier : nullptr;
  }

 private:
  Dump dump_;
  Facts facts_;
};

}  // namespace pv::inspect
