// aarch64's stage 1 translation at EL1 and EL0 (VMSAv8-64).
//
// Specification: Arm ARM DDI 0487J, D8.2 (translation process), D8.3 (descriptors), D8.4 (access
// control). All granules, 48 and 52 bits (LPA, LPA2), TBI, hardware access flag and dirty state.
// Deliberately absent: stage 2, 128-bit descriptors, permission indirection and overlays (addresses
// are right with them, rights are not), EL2 and EL3, realm and secure state.
#pragma once

#include <optional>

#include "hv/registers.h"
#include "inspect/page_walk.h"

namespace pv::inspect::aarch64 {

struct TranslationRegisters {
  u64 sctlr_el1 = 0, tcr_el1 = 0, ttbr0_el1 = 0, ttbr1_el1 = 0, mair_el1 = 0;
};

// Those that the file does not know count as 0: translation off.
TranslationRegisters translation_registers(const hv::RegisterFile& file);

// Why there is no translation, in terms of the syndrome that a CPU would report.
struct Fault {
  enum class Kind : u8 { address_size, translation, access_flag, permission, external_on_walk };
  Kind kind = Kind::translation;
  int level = 0;         // -1 to 3
  u64 entry = 0;         // the descriptor that says so; 0 where none was read
  const char* why = "";  // in a sentence: "... at level 2: <why>"
  // The fault status code of ESR_EL1 (D19.2.40, DFSC).
  u32 status() const;
};

class Walk final : public PageWalk {
 public:
  // `read` outlives this.
  Walk(const TranslationRegisters& registers, const ReadPhysical& read)
      : registers_(registers), read_(read) {}

  Result<Translation> translate(u64 address, Steps* steps = nullptr) const override;
  // The same with the fault as a CPU would see it. `fetch`: for an instruction, whose top byte
  // can count where a datum's does not.
  std::expected<Translation, Fault> look_up(u64 address, bool fetch = false,
                                            Steps* steps = nullptr) const;

 private:
  std::expected<u64, Fault> read_entry(int level, u64 place, Steps* steps) const;

  TranslationRegisters registers_;
  const ReadPhysical& read_;
};

}  // namespace pv::inspect::aarch64
