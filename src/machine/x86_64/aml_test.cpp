#include "machine/x86_64/aml.h"

#include <gtest/gtest.h>

namespace pv::machine::x86_64::aml {
namespace {

// A scope whose content, name included, has `size` bytes, taken apart again.
struct Length {
  usize bytes;  // of the PkgLength itself
  u32 value;
};
Length length_of(usize size) {
  Aml code = scope("ABCD", Aml(size - 4, 0xa3));
  EXPECT_EQ(code[0], 0x10);
  usize extra = code[1] >> 6;
  u32 value = extra == 0 ? code[1] & 63u : code[1] & 15u;
  if (extra != 0) {
    EXPECT_EQ(code[1] & 0x30, 0);
  }
  for (usize i = 0; i < extra; ++i) value |= u32{code[2 + i]} << (4 + 8 * i);
  EXPECT_EQ(code.size(), 1 + value);  // the op code is not counted, the length itself is
  EXPECT_EQ(code[2 + extra], 'A');
  return {1 + extra, value};
}

// ACPI 6.5, 20.2.4: one byte up to 63, two up to 2^12 - 1, three up to 2^20 - 1.
TEST(Aml, PackageLengthAtItsBorders) {
  EXPECT_EQ(length_of(61).bytes, 1u);
  EXPECT_EQ(length_of(62).bytes, 1u);
  EXPECT_EQ(length_of(62).value, 63u);
  EXPECT_EQ(length_of(63).bytes, 2u);
  EXPECT_EQ(length_of(63).value, 65u);
  EXPECT_EQ(length_of(4093).bytes, 2u);
  EXPECT_EQ(length_of(4093).value, 4095u);
  EXPECT_EQ(length_of(4094).bytes, 3u);
  EXPECT_EQ(length_of(4094).value, 4097u);
  EXPECT_EQ(length_of(4095).value, 4098u);
  EXPECT_EQ(length_of(100'000).value, 100'003u);
}

TEST(Aml, IntegersTakeTheShortestForm) {
  EXPECT_EQ(integer(0), Aml({0x00}));
  EXPECT_EQ(integer(1), Aml({0x01}));
  EXPECT_EQ(integer(2), Aml({0x0a, 2}));
  EXPECT_EQ(integer(0xff), Aml({0x0a, 0xff}));
  EXPECT_EQ(integer(0x100), Aml({0x0b, 0x00, 0x01}));
  EXPECT_EQ(integer(0xffff), Aml({0x0b, 0xff, 0xff}));
  EXPECT_EQ(integer(0x1'0000), Aml({0x0c, 0, 0, 1, 0}));
  EXPECT_EQ(integer(0xfeb0'0200), Aml({0x0c, 0x00, 0x02, 0xb0, 0xfe}));
}

TEST(Aml, Terms) {
  EXPECT_EQ(string("AB"), Aml({0x0d, 'A', 'B', 0}));
  EXPECT_EQ(name("_UID", integer(1)), Aml({0x08, '_', 'U', 'I', 'D', 1}));
  EXPECT_EQ(package({integer(0), integer(5)}), Aml({0x12, 5, 2, 0x00, 0x0a, 5}));
  EXPECT_EQ(scope("\\_SB_", {}), Aml({0x10, 6, '\\', '_', 'S', 'B', '_'}));
  EXPECT_EQ(device("COM1", integer(0)), Aml({0x5b, 0x82, 6, 'C', 'O', 'M', '1', 0}));
  EXPECT_EQ(concat({}), Aml());
}

// ACPI 6.5, 6.4: small descriptors have their length in the tag's low three bits, large ones in
// two bytes after it.
TEST(Aml, ResourceDescriptors) {
  EXPECT_EQ(irq_no_flags(4), Aml({0x22, 0x10, 0x00}));
  EXPECT_EQ(irq_no_flags(9), Aml({0x22, 0x00, 0x02}));
  EXPECT_EQ(io(0x3f8, 8), Aml({0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8}));
  EXPECT_EQ(memory32(0xfeb0'0000, 0x200), Aml({0x86, 9, 0, 1, 0, 0, 0xb0, 0xfe, 0, 2, 0, 0}));
  EXPECT_EQ(edge_interrupt(17), Aml({0x89, 6, 0, 3, 1, 17, 0, 0, 0}));
  EXPECT_EQ(resources(irq_no_flags(4)), Aml({0x11, 8, 0x0a, 5, 0x22, 0x10, 0, 0x79, 0}));
}

// ACPI 6.5, 6.1.5; PNP0501 is the usual example.
TEST(Aml, EisaIds) {
  EXPECT_EQ(eisa_id("PNP0501"), Aml({0x0c, 0x41, 0xd0, 0x05, 0x01}));
  EXPECT_EQ(eisa_id("PNP0C0A"), Aml({0x0c, 0x41, 0xd0, 0x0c, 0x0a}));
}

}  // namespace
}  // namespace pv::machine::x86_64::aml
