#include "machine/x86_64/boot_info.h"

#include <array>

#include "base/endian.h"
#include "machine/x86_64/memory_map.h"

namespace pv::machine::x86_64 {
namespace {

using memory::GuestAddress;

// Selectors as Linux's boot protocol names them: __BOOT_CS and __BOOT_DS.
constexpr u16 code_selector = 0x10, data_selector = 0x18, tss_selector = 0x20;
constexpr u8 code_type = 11, data_type = 3, tss_type = 11;  // accessed; TSS busy

// Intel SDM 3A, 4.5: entry bits of four-level paging.
constexpr u64 present_writable = 3, large_page = 1u << 7;

// CR0: PE, ET, NE, WP, PG; CR4: PAE; EFER: LME, LMA.
constexpr u64 cr0_pe = 1, cr0_et = 1u << 4, cr0_pg = 1u << 31, cr4_pae = 1u << 5;
constexpr u64 efer_lme = 1u << 8, efer_lma = 1u << 10;

Segment flat(u16 selector, u8 type, bool long_mode) {
  return Segment{.base = 0,
                 .limit = 0xffff'ffff,
                 .selector = selector,
                 .type = type,
                 .long_mode = long_mode,
                 .big = !long_mode,
                 .code_or_data = true,
                 .granular = true};
}

// SDM 3A, 3.4.5: a segment as the eight bytes of a descriptor; present, DPL 0.
u64 descriptor(const Segment& s) {
  u64 limit = s.granular ? s.limit >> 12 : s.limit;
  u64 flags = (u64{s.granular} << 3) | (u64{s.big} << 2) | (u64{s.long_mode} << 1);
  u64 access = 0x80 | (u64{s.code_or_data} << 4) | s.type;
  return (limit & 0xffff) | ((s.base & 0xff'ffff) << 16) | (access << 40) |
         (((limit >> 16) & 0xf) << 48) | (flags << 52) | ((s.base >> 24) << 56);
}

constexpr Segment task_state() {
  return Segment{.base = 0,
                 .limit = 0x67,
                 .selector = tss_selector,
                 .type = tss_type,
                 .long_mode = false,
                 .big = false,
                 .code_or_data = false,
                 .granular = false};
}

template <class T>
Result<void> put(memory::GuestMemory& ram, u64 address, const T& what) {
  if (ram.write(GuestAddress(address), what)) return {};
  return fail(Error::Kind::usage, "the guest has too little memory for its boot tables",
              "give it at least 2 MiB with --mem");
}

Result<void> write_page_tables(memory::GuestMemory& ram) {
  constexpr u64 table = 4_KiB;
  u64 pdpt = page_tables + table;
  TRY(put(ram, page_tables, Le64(pdpt | present_writable)));
  for (u64 gib = 0; gib < 4; ++gib) {
    u64 directory = pdpt + (1 + gib) * table;
    TRY(put(ram, pdpt + gib * 8, Le64(directory | present_writable)));
    std::array<Le64, 512> entries;
    for (u64 i = 0; i < entries.size(); ++i)
      entries[static_cast<usize>(i)] = (gib << 30) | (i << 21) | present_writable | large_page;
    TRY(put(ram, directory, entries));
  }
  return {};
}

}  // namespace

Result<void> write_tables(memory::GuestMemory& ram, boot::EntryProtocol protocol) {
  bool long_mode = protocol == boot::EntryProtocol::x86_linux64;
  const std::array<Le64, 5> entries = {
      Le64(0), Le64(0), Le64(descriptor(flat(code_selector, code_type, long_mode))),
      Le64(descriptor(flat(data_selector, data_type, false))), Le64(descriptor(task_state()))};
  TRY(put(ram, gdt, entries));
  if (long_mode) TRY(write_page_tables(ram));
  return {};
}

BootState first_cpu_state(boot::EntryProtocol protocol, u64 entry) {
  bool long_mode = protocol == boot::EntryProtocol::x86_linux64;
  BootState state;
  state.rip = entry;
  state.cs = flat(code_selector, code_type, long_mode);
  state.ds = flat(data_selector, data_type, false);
  state.tss = task_state();
  state.gdt_base = gdt;
  state.gdt_limit = 5 * 8 - 1;
  state.cr0 = cr0_pe | cr0_et;
  if (long_mode) {
    state.cr0 |= cr0_pg;
    state.cr3 = page_tables;
    state.cr4 = cr4_pae;
    state.efer = efer_lme | efer_lma;
    state.rsi = zero_page;
  } else {
    state.rbx = start_info;
  }
  return state;
}

}  // namespace pv::machine::x86_64
