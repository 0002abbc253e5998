#include "inspect/x86_64/triple_fault.h"

#include <array>

#include "base/endian.h"
#include "base/text.h"
#include "inspect/address_space.h"

namespace pv::inspect::x86_64 {
namespace {

struct Vector {
  usize number;
  const char* name;
};
constexpr Vector vectors[] = {{8, "#DF"}, {14, "#PF"}, {13, "#GP"}, {6, "#UD"}};
constexpr u64 gate_size = 16;

class Examination {
 public:
  Examination(const hv::RegisterFile& cpu, const ReadPhysical& read)
      : cpu_(cpu), read_(read), walk_(address_space(cpu, read)) {}

  std::string words() {
    const u64 rip = cpu_.get_or("rip", 0), sp = cpu_.get_or("rsp", 0);
    if (!mapped(rip))
      add(text("the page tables (CR3 {:#x}) do not map RIP", cpu_.get_or("cr3", 0)));
    if ((cpu_.get_or("efer", 0) & long_mode) != 0) look_at_gates();
    // What an exception pushes goes below the stack pointer.
    constexpr u64 frame = 40;
    if (!mapped(sp - 1) || !mapped(sp - frame))
      add(text("nothing is mapped below the stack pointer ({:#x})", sp));
    const std::string where = text("at RIP {:#x} (CR2 {:#x})", rip, cpu_.get_or("cr2", 0));
    return found_.empty() ? where + "; IDT, its handlers and the stack are mapped"
                          : where + ": " + found_;
  }

 private:
  static constexpr u64 long_mode = 1 << 10;  // EFER.LMA

  bool mapped(u64 address) const {
    std::array<u8, 1> byte;
    return read_virtual(*walk_, read_, address, byte).has_value();
  }
  void add(const std::string& words) { found_ += (found_.empty() ? "" : "; ") + words; }

  void look_at_gates() {
    const u64 base = cpu_.get_or("idt_base", 0), limit = cpu_.get_or("idt_limit", 0);
    if (limit < gate_size - 1)
      return add(text("the IDT is empty (limit {}): no exception has a handler", limit));
    for (const Vector& vector : vectors) {
      const u64 at = base + gate_size * vector.number;
      std::array<u8, gate_size> gate;
      if (gate_size * (vector.number + 1) - 1 > limit) {
        add(text("the IDT (limit {:#x}) ends before {}", limit, vector.name));
      } else if (!read_virtual(*walk_, read_, at, gate)) {
        return add(text("the IDT at {:#x} is not mapped", base));
      } else if ((gate[5] & 0x80) == 0) {
        add(text("the IDT has no gate for {}", vector.name));
      } else {
        const u64 handler = u64{load_as<Le16>(gate, 0)} | u64{load_as<Le16>(gate, 6)} << 16 |
                            u64{load_as<Le32>(gate, 8)} << 32;
        if (!mapped(handler))
          add(text("the handler of {} ({:#x}) is not mapped", vector.name, handler));
      }
    }
  }

  const hv::RegisterFile& cpu_;
  const ReadPhysical& read_;
  std::unique_ptr<PageWalk> walk_;
  std::string found_;
};

}  // namespace

std::string explain_triple_fault(const hv::RegisterFile& cpu, const ReadPhysical& read) {
  constexpr u64 reset_vector = 0xfff0, reset_cr0 = 0x6000'0010;
  if (cpu.get("rip") == reset_vector && cpu.get("cr0") == reset_cr0)
    return "this host's processor does not keep where (AMD's SVM)";
  return Examination(cpu, read).words();
}

}  // namespace pv::inspect::x86_64
