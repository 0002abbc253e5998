// For load_store_test.cpp: one word of each load and store that came after Armv8.0, and what GNU
// binutils 2.40 (objdump -D -b binary -m aarch64) calls it; of the memory copies and sets, without
// their options.
#pragma once

#include "base/types.h"

namespace pv::inspect::aarch64 {

struct Word {
  u32 word;
  const char* text;
};

// clang-format off
inline constexpr Word newer_words[] = {
   {0x88a07f71, "cas"}, {0x88e07e3d, "casa"}, {0x08e07e35, "casab"}, {0x48e07ec2, "casah"},
   {0x88e0fd52, "casal"}, {0x08e0fd1a, "casalb"}, {0x48e0fd9d, "casalh"}, {0x08a07ea2, "casb"},
   {0x48a07f52, "cash"}, {0x88a0fe98, "casl"}, {0x08a0fe23, "caslb"}, {0x48a0fef5, "caslh"},
   {0x08247fe6, "casp"}, {0x08667da0, "caspa"}, {0x0860fc22, "caspal"}, {0x0820fe02, "caspl"},
   {0x1d8005e3, "cpye"}, {0x1980058d, "cpyfe"}, {0x1940063c, "cpyfm"}, {0x19000698, "cpyfp"},
   {0x1d40073c, "cpym"}, {0x1d000499, "cpyp"}, {0xf83fd3ac, "ld64b"}, {0xb82003e3, "ldadd"},
   {0xb8a002b4, "ldadda"}, {0x38a002d6, "ldaddab"}, {0x78a00005, "ldaddah"},
   {0xb8e00226, "ldaddal"}, {0x38e0030c, "ldaddalb"}, {0x78e001ea, "ldaddalh"},
   {0x38200226, "ldaddb"}, {0x78200096, "ldaddh"}, {0xb8600135, "ldaddl"},
   {0x38600176, "ldaddlb"}, {0x786101e3, "ldaddlh"}, {0xb8bfc3e3, "ldapr w3, [sp]"},
   {0x38bfc25d, "ldaprb w29, [x18]"}, {0x78bfc11e, "ldaprh w30, [x8]"},
   {0x9940012d, "ldapur w13, [x9]"}, {0x194003fd, "ldapurb w29, [sp]"},
   {0x594000f5, "ldapurh w21, [x7]"}, {0x19800352, "ldapursb x18, [x26]"},
   {0x59800307, "ldapursh x7, [x24]"}, {0x99800363, "ldapursw x3, [x27]"}, {0xb82013a9, "ldclr"},
   {0xb8a0122b, "ldclra"}, {0x38a0102a, "ldclrab"}, {0x78a01086, "ldclrah"},
   {0xb8e0124f, "ldclral"}, {0x38e010a9, "ldclralb"}, {0x78e013be, "ldclralh"},
   {0x38201001, "ldclrb"}, {0x78201163, "ldclrh"}, {0xb86013fd, "ldclrl"},
   {0x38601015, "ldclrlb"}, {0x78601037, "ldclrlh"}, {0xb8202142, "ldeor"},
   {0xb8a023ff, "ldeora"}, {0x38a021ab, "ldeorab"}, {0x78a02140, "ldeorah"},
   {0xb8e023af, "ldeoral"}, {0x38e0215d, "ldeoralb"}, {0x78e0211e, "ldeoralh"},
   {0x3820239c, "ldeorb"}, {0x782022fc, "ldeorh"}, {0xb8602025, "ldeorl"},
   {0x386020fc, "ldeorlb"}, {0x7860207c, "ldeorlh"}, {0xd960003c, "ldg"}, {0xd9e000c8, "ldgm"},
   {0x88c003be, "ldlar w30, [x29]"}, {0x08c0025f, "ldlarb wzr, [x18]"},
   {0x48c00187, "ldlarh w7, [x12]"}, {0xf820069c, "ldraa"}, {0xf8a0063e, "ldrab"},
   {0xb82033ed, "ldset"}, {0xb8a030d3, "ldseta"}, {0x38a032d1, "ldsetab"},
   {0x78a0330f, "ldsetah"}, {0xb8e0311e, "ldsetal"}, {0x38e031cf, "ldsetalb"},
   {0x78e03120, "ldsetalh"}, {0x38203061, "ldsetb"}, {0x78213384, "ldseth"},
   {0xb860313e, "ldsetl"}, {0x38603242, "ldsetlb"}, {0x7860329c, "ldsetlh"},
   {0xb82043be, "ldsmax"}, {0xb8a04082, "ldsmaxa"}, {0x38a0421b, "ldsmaxab"},
   {0x78a041a2, "ldsmaxah"}, {0xb8e04226, "ldsmaxal"}, {0x38e04124, "ldsmaxalb"},
   {0x78e0437b, "ldsmaxalh"}, {0x3820421b, "ldsmaxb"}, {0x782043fa, "ldsmaxh"},
   {0xb86042a5, "ldsmaxl"}, {0x386041b3, "ldsmaxlb"}, {0x7860420d, "ldsmaxlh"},
   {0xb820512c, "ldsmin"}, {0xb8a051d9, "ldsmina"}, {0x38a053a9, "ldsminab"},
   {0x78a053e0, "ldsminah"}, {0xb8e050b6, "ldsminal"}, {0x38e05391, "ldsminalb"},
   {0x78e05040, "ldsminalh"}, {0x382051fc, "ldsminb"}, {0x7820528d, "ldsminh"},
   {0xb860538d, "ldsminl"}, {0x386052e2, "ldsminlb"}, {0x786050a2, "ldsminlh"},
   {0xb82063ad, "ldumax"}, {0xb8a0606d, "ldumaxa"}, {0x38a061ca, "ldumaxab"},
   {0x78a0621f, "ldumaxah"}, {0xb8e063bd, "ldumaxal"}, {0x38e0624a, "ldumaxalb"},
   {0x78e061bf, "ldumaxalh"}, {0x38206219, "ldumaxb"}, {0x7820606e, "ldumaxh"},
   {0xb86063a3, "ldumaxl"}, {0x3860604c, "ldumaxlb"}, {0x78606174, "ldumaxlh"},
   {0xb82070d3, "ldumin"}, {0xb8a07114, "ldumina"}, {0x38a0735e, "lduminab"},
   {0x78a0706d, "lduminah"}, {0xb8e07348, "lduminal"}, {0x38e071f6, "lduminalb"},
   {0x78e07285, "lduminalh"}, {0x382072ab, "lduminb"}, {0x7820724b, "lduminh"},
   {0xb86073a2, "lduminl"}, {0x38607383, "lduminlb"}, {0x786072ac, "lduminlh"},
   {0x19c085f3, "sete"}, {0x1dc0859b, "setge"}, {0x1dc047a1, "setgm"}, {0x1dc00523, "setgp"},
   {0x19c04637, "setm"}, {0x19c00467, "setp"}, {0xd9a006f1, "st2g"}, {0xf83f9188, "st64b"},
   {0xf820b3f5, "st64bv"}, {0xf820a193, "st64bv0"}, {0xd9200425, "stg"}, {0xd9a001f3, "stgm"},
   {0x68800330, "stgp"}, {0x888002be, "stllr w30, [x21]"}, {0x08800163, "stllrb w3, [x11]"},
   {0x488002dc, "stllrh w28, [x22]"}, {0x990000c7, "stlur w7, [x6]"},
   {0x190000c5, "stlurb w5, [x6]"}, {0x590003de, "stlurh w30, [x30]"}, {0xd9e005f1, "stz2g"},
   {0xd96007b5, "stzg"}, {0xd92001ce, "stzgm"}, {0xb82083be, "swp"}, {0xb8a081f0, "swpa"},
   {0x38a0822d, "swpab"}, {0x78a0827c, "swpah"}, {0xb8e08235, "swpal"}, {0x38e08019, "swpalb"},
   {0x78e0824c, "swpalh"}, {0x382081a0, "swpb"}, {0x782080d2, "swph"}, {0xb86082d7, "swpl"},
   {0x386081a0, "swplb"}, {0x78608108, "swplh"},
};
// clang-format on

}  // namespace pv::inspect::aarch64
