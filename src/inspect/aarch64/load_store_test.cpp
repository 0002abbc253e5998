// The decoder against capstone (which knows Armv8.0), over the whole encoding space of loads and
// stores; what is newer, against a list made with GNU binutils 2.40.
#include "inspect/aarch64/load_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <set>

#if PV_HAVE_CAPSTONE
#include <capstone/capstone.h>
#endif

#include "inspect/aarch64/newer_words.h"
#include "inspect/aarch64/render.h"

namespace pv::inspect::aarch64 {
namespace {

constexpr u64 pc = 0x10'0000;

#if PV_HAVE_CAPSTONE

// Numbers become signed decimals: "#0xfffffffffffffffc" and "#-4" are the same.
std::string plain_numbers(const std::string& text) {
  std::string out;
  for (usize at = 0; at < text.size();) {
    bool number = text[at] == '#' || (text[at] == '[' && std::isdigit(text[at + 1]) != 0);
    out += text[at++];
    if (!number) continue;
    bool negative = text[at] == '-';
    if (negative) ++at;
    char* end = nullptr;
    u64 value = std::strtoull(text.c_str() + at, &end, 0);
    at = static_cast<usize>(end - text.c_str());
    out += std::to_string(static_cast<i64>(negative ? 0 - value : value));
  }
  return out;
}

class Capstone {
 public:
  Capstone() {
    EXPECT_EQ(cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &handle_), CS_ERR_OK);
    instruction_ = cs_malloc(handle_);
  }
  ~Capstone() {
    cs_free(instruction_, 1);
    cs_close(&handle_);
  }
  // "" for what it does not know.
  std::string operator()(u32 word) {
    u8 bytes[4] = {static_cast<u8>(word), static_cast<u8>(word >> 8), static_cast<u8>(word >> 16),
                   static_cast<u8>(word >> 24)};
    const u8* at = bytes;
    usize size = 4;
    u64 address = pc;
    if (!cs_disasm_iter(handle_, &at, &size, &address, instruction_)) return {};
    return std::string(instruction_->mnemonic) + ' ' + plain_numbers(instruction_->op_str);
  }

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

// Every combination of bits 31:10, with random registers (each of which is 31 now and then).
template <class Check>
void each_load_or_store(Check check) {
  std::mt19937 random(1);
  for (u32 top = 0; top < 1u << 22; ++top) {
    u32 word = top << 10;
    if ((word & 0x0a00'0000) != 0x0800'0000) continue;
    u32 noise = random();
    if ((noise & 0xf000) == 0) noise |= 31;
    if ((noise & 0xf'0000) == 0) noise |= 31 << 5;
    check(word | (noise & 0x3ff));
  }
}

std::string base_of(const std::string& text) { return text.substr(0, text.find(' ')); }

// What Armv8.0 does not have.
bool newer(const Decoded& d) {
  static const std::set<std::string> accesses = {
      "ldlar",    "ldlarb",   "ldlarh",   "stllr",  "stllrb",  "stllrh",
      "ldapr",    "ldaprb",   "ldaprh",   "ldapur", "ldapurb", "ldapurh",
      "ldapursb", "ldapursh", "ldapursw", "stlur",  "stlurb",  "stlurh"};
  switch (d.kind) {
    case Kind::access: return accesses.contains(d.name.text());
    case Kind::exclusive:
    case Kind::prefetch:
    case Kind::unallocated:
    case Kind::other: return false;
    default: return true;
  }
}

// Words that Armv8.0 has and capstone 4.0.2 refuses: what is constrained unpredictable, and the
// unprivileged loads into their base register, which it takes to be.
bool refused_by_capstone(const Decoded& d, u32 word) {
  if (d.kind == Kind::exclusive) return (word & 31) == (word >> 10 & 31);  // LDXP into one register
  return d.access.unpredictable() || (d.access.unprivileged && d.access.rt == d.access.rn);
}

TEST(LoadStore, AgreesWithCapstoneEverywhere) {
  Capstone capstone;
  usize described = 0, refused = 0, unknown = 0, failures = 0;
  each_load_or_store([&](u32 word) {
    Decoded ours = decode(word);
    std::string theirs = capstone(word);
    std::string got;
    if (ours.kind == Kind::access)
      got = render(ours, pc, (word >> 12 & 1) != 0);
    else
      got = ours.name.text();
    bool same;
    if (theirs.empty()) {
      same = newer(ours) || ours.kind == Kind::unallocated || refused_by_capstone(ours, word);
      ++unknown;
    } else if (ours.kind == Kind::access) {
      same = got == theirs;
      ++described;
    } else {
      same = !newer(ours) && got == base_of(theirs);
      ++refused;
    }
    if (!same && ++failures < 400)
      ADD_FAILURE() << text("{:#010x}: capstone \"{}\", decoder \"{}\" ({})", word, theirs, got,
                            describe(ours.kind));
  });
  EXPECT_EQ(failures, 0u);
  // The space was really walked.
  EXPECT_GT(described, 100'000u);
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(unknown, 10'000u);
}
#endif

TEST(LoadStore, NamesWhatIsNewerThanArmv80) {
  for (const Word& w : newer_words) {
    Decoded d = decode(w.word);
    std::string got = d.kind == Kind::access ? render(d, pc, false) : d.name.text();
    EXPECT_EQ(got, w.text) << text("{:#010x}", w.word);
  }
}

// Newer than any disassembler here: DDI 0487L's encodings.
TEST(LoadStore, NamesWhatIsNewerStill) {
  constexpr Word words[] = {
      {0x1920'1041, "ldclrp"}, {0x19e0'3041, "ldsetpal"},  {0x1920'8041, "swpp"},
      {0x3820'9041, "rcwclr"}, {0x78e0'a041, "rcwsswpal"}, {0x5960'b041, "rcwssetpl"},
      {0x9941'0820, "ldiapp"}, {0x9901'0820, "stilp"},     {0x99c0'0820, "ldapr"},
      {0x1d40'0820, "ldapur"}, {0xd91f'0c41, "gcsstr"},    {0xf83f'd041, "ld64b"},
  };
  for (const Word& w : words) EXPECT_EQ(decode(w.word).name.text(), w.text);
}

TEST(LoadStore, KnowsScalableOnes) {
  struct Case {
    u32 word;
    bool scalable;
  };
  constexpr Case cases[] = {
      {0xa540'4000, true},   // ld1w {z0.s}, p0/z, [x0, x0, lsl #2]
      {0xe540'4000, true},   // st1w {z0.s}, p0, [x0, x0, lsl #2]
      {0x8580'4000, true},   // ldr z0, [x0]
      {0xe580'0000, true},   // str p0, [x0]
      {0xc540'8000, true},   // a gather
      {0xe100'0000, true},   // ldr za[w12, 0], [x0]
      {0xa000'0000, true},   // ld1b {z0.b, z1.b}, pn8/z, [x0, x0]
      {0x0420'0000, false},  // add z0.b, z0.b, z0.b
      {0x8000'0000, false},  // SME, but arithmetic
  };
  for (const Case& c : cases)
    EXPECT_EQ(decode(c.word).kind, c.scalable ? Kind::scalable : Kind::other)
        << text("{:#010x}", c.word);
}

TEST(LoadStore, OtherInstructionsAreOther) {
  for (u32 word : {0xd503'201fu, 0x9100'0400u, 0x1400'0000u, 0xd65f'03c0u, 0x1e20'4000u, 0u})
    EXPECT_EQ(decode(word).kind, Kind::other) << text("{:#010x}", word);
}

TEST(LoadStore, CountsItsBytes) {
  EXPECT_EQ(decode(0x3900'0020).access.bytes(), 1u);   // strb w0, [x1]
  EXPECT_EQ(decode(0xad00'0440).access.bytes(), 32u);  // stp q0, q1, [x2]
  EXPECT_EQ(decode(0x4c00'0020).access.bytes(), 64u);  // st4 {v0.16b-v3.16b}, [x1]
  EXPECT_EQ(decode(0x0d40'e421).access.bytes(), 6u);   // ld3r {v1.4h-v3.4h}, [x1]
  EXPECT_EQ(decode(0x0d00'2020).access.bytes(), 3u);   // st3 {v0.b-v2.b}[0], [x1]
}

TEST(LoadStore, TellsWhatTheArchitectureLeavesOpen) {
  EXPECT_TRUE(decode(0xa940'0040).access.unpredictable());   // ldp x0, x0, [x2]
  EXPECT_FALSE(decode(0xa900'0040).access.unpredictable());  // stp x0, x0, [x2]
  EXPECT_TRUE(decode(0xf840'8400).access.unpredictable());   // ldr x0, [x0], #8
  EXPECT_FALSE(decode(0xf940'0000).access.unpredictable());  // ldr x0, [x0]
  EXPECT_FALSE(decode(0xf840'87ff).access.unpredictable());  // ldr xzr, [sp], #8
}

}  // namespace
}  // namespace pv::inspect::aarch64
