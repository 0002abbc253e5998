#include "machine/powerpc/spin_table.h"

#include <cstring>

#include "base/check.h"
#include "base/endian.h"

namespace pv::machine::powerpc {
namespace {

// Instructions of the Power ISA, book I and III-E, as far as the loop needs them.
constexpr u32 d_form(u32 opcode, u32 rt, u32 ra, u32 immediate) {
  return opcode << 26 | rt << 21 | ra << 16 | (immediate & 0xffff);
}
constexpr u32 li(u32 rt, u32 value) { return d_form(14, rt, 0, value); }
constexpr u32 lis(u32 rt, u32 value) { return d_form(15, rt, 0, value); }
constexpr u32 ori(u32 ra, u32 rs, u32 value) { return d_form(24, rs, ra, value); }
constexpr u32 andi(u32 ra, u32 rs, u32 value) { return d_form(28, rs, ra, value); }
constexpr u32 lwz(u32 rt, u32 offset, u32 ra) { return d_form(32, rt, ra, offset); }
constexpr u32 mr(u32 ra, u32 rs) { return 31u << 26 | rs << 21 | ra << 16 | rs << 11 | 444u << 1; }
constexpr u32 mtspr(u32 spr, u32 rs) {
  return 31u << 26 | rs << 21 | (spr & 31) << 16 | (spr >> 5) << 11 | 467u << 1;
}
constexpr u32 sync = 0x7c00'04ac;
constexpr u32 isync = 0x4c00'012c;
constexpr u32 bctr = 0x4e80'0420;
constexpr u32 bne_back(u32 distance) { return 0x4082'0000 | ((0u - distance) & 0xfffc); }

constexpr u32 spr_ctr = 9, spr_dec = 22, spr_tsr = 336, spr_tcr = 340;
constexpr u32 tsr_dis = 0x0800;        // upper half: a decrementer interrupt is pending
constexpr u32 tcr_die = 0x0400;        // upper half: decrementer interrupts are enabled
constexpr u32 ev_idle = 1 << 16 | 16;  // ePAPR's vendor number, call 16 (Power ePAPR hcalls)

// An entry of the table (ePAPR 1.1, section 5.5.2): all fields big-endian.
struct Entry {
  Be64 address;  // bit 0: not released yet
  Be64 r3;
  Be32 reserved;
  Be32 pir;
};
constexpr u32 address_low = 4, r3_low = 12;

class Assembler {
 public:
  void put(u32 word) { words_.push_back(word); }
  void load(u32 rt, u32 value) {
    put(lis(rt, value >> 16));
    put(ori(rt, rt, value));
  }
  u32 here() const { return static_cast<u32>(words_.size() * 4); }
  const std::vector<u32>& words() const { return words_; }

 private:
  std::vector<u32> words_;
};

// Registers: r3 = entry on arrival, kept in r31 since hypercalls use r3 to r12.
std::vector<u32> wait_loop(const SpinCode& code) {
  Assembler a;
  a.put(mr(31, 3));
  if (code.has_idle) {
    // With interrupts off at the MSR none is taken, but one that came before the hypercall stays
    // pending and lets it return at once: KVM's note of an expired timer alone does not last.
    a.put(lis(4, tcr_die));
    a.put(mtspr(spr_tcr, 4));
  }
  u32 loop = a.here();
  if (code.has_idle) {
    a.load(4, code.wait_ticks);
    a.put(mtspr(spr_dec, 4));
    a.load(11, ev_idle);
    for (u32 word : code.hypercall) a.put(word);
    a.put(lis(4, tsr_dis));
    a.put(mtspr(spr_tsr, 4));
  }
  a.put(lwz(4, address_low, 31));
  a.put(andi(5, 4, 1));
  a.put(bne_back(a.here() - loop));
  a.put(sync);
  a.put(isync);
  if (code.has_idle) {
    // Timers off, as they were found.
    a.put(li(5, 0));
    a.put(mtspr(spr_dec, 5));
    a.put(mtspr(spr_tcr, 5));
    a.put(lis(5, tsr_dis));
    a.put(mtspr(spr_tsr, 5));
  }
  a.put(lwz(3, r3_low, 31));
  a.put(mtspr(spr_ctr, 4));
  a.load(7, code.mapping);
  for (u32 zero : {0u, 4u, 5u, 6u, 8u, 9u, 10u, 11u, 12u, 31u}) a.put(li(zero, 0));
  a.put(bctr);
  return a.words();
}

}  // namespace

std::vector<u8> build_spin_page(unsigned cpus, const SpinCode& code) {
  std::vector<u8> page(spin_page_size);
  std::vector<u32> words = wait_loop(code);
  CHECK(words.size() * 4 <= spin_entry_offset(0));
  CHECK(spin_entry_offset(cpus) <= spin_page_size);
  for (usize i = 0; i < words.size(); ++i) {
    Be32 word = words[i];
    std::memcpy(page.data() + 4 * i, &word, sizeof word);
  }
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    Entry entry{1, cpu, 0, cpu};
    std::memcpy(page.data() + spin_entry_offset(cpu), &entry, sizeof entry);
  }
  return page;
}

}  // namespace pv::machine::powerpc
