// Completing any instruction with any registers, tables and exits: RAM is never left, a completed
// access is the decoded one, a refusal is one and a guest's exception is well-formed.
//
// FuzzInput: 4 bytes of instruction, 1 of options, then the first page of registers' values (8
// bytes each, in the table's order), then RAM.
#include <algorithm>
#include <cstdlib>

#include "base/fuzz_input.h"
#include "inspect/aarch64/fake_cpu.h"
#include "inspect/aarch64/load_store.h"

namespace pv::inspect::aarch64 {
namespace {

void check(bool good) {
  if (!good) std::abort();
}

void fill(FakeCpu& cpu, FuzzInput& in, u64 options) {
  for (usize i = 0; i < 34; ++i) {
    hv::RegisterValue& value = cpu.registers[i];
    value.low = in.take(8);
    // Mostly addresses that mean something.
    if ((options & 1) != 0 && i < 32) value.low = FakeCpu::device + (value.low & 0x1fff);
  }
  for (const char* name : {"sctlr_el1", "tcr_el1", "ttbr0_el1", "ttbr1_el1"})
    cpu.set(name, in.take(8));
  if ((options & 2) != 0) cpu.set("sctlr_el1", cpu.get("sctlr_el1") & ~1ull);
  if ((options & 4) != 0) cpu.set("cpsr", 0x3c5);
  if ((options & 8) != 0) cpu.set("pc", FakeCpu::ram_base);
  const Bytes ram = in.take_bytes(cpu.ram.size());
  std::copy(ram.begin(), ram.end(), cpu.ram.begin());
}

void one(Bytes bytes) {
  FakeCpu cpu;
  FuzzInput in(bytes);
  u32 word = static_cast<u32>(in.take(4));
  u64 options = in.take(1), syndrome = in.take(1), address = in.take(2);
  fill(cpu, in, options);
  cpu.put(FakeCpu::ram_base, word, 4);
  auto before = cpu.registers;
  auto done = complete({syndrome, FakeCpu::device + address}, cpu, cpu);
  check(done.has_value());
  switch (done->kind) {
    case Completion::Kind::done: {
      Decoded d = decode(done->instruction);
      check(d.kind == Kind::access && d.access.load == ((syndrome >> 6 & 1) == 0));
      check(cpu.get("pc") == before[place("pc")].low + 4);
      check(cpu.log.size() <= d.access.bytes());
      break;
    }
    case Completion::Kind::again: check(cpu.registers == before && cpu.log.empty()); break;
    case Completion::Kind::refused:
      check(cpu.registers == before && cpu.log.empty() && !done->reason.empty());
      if (done->abort) check(take(*done->abort, cpu).has_value());
      break;
    case Completion::Kind::faulted:
      check(cpu.log.empty() && cpu.get("elr_el1") == before[place("pc")].low);
      check((cpu.get("pc") & 0x7f) == 0);
      break;
  }
}

}  // namespace
}  // namespace pv::inspect::aarch64

extern "C" int LLVMFuzzerTestOneInput(const pv::u8* data, size_t size) {
  pv::inspect::aarch64::one({data, size});
  return 0;
}
