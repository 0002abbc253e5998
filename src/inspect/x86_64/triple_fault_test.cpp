#include "inspect/x86_64/triple_fault.h"

#include <gtest/gtest.h>

#include <cstring>

namespace pv::inspect::x86_64 {
namespace {

// Translation is off: addresses are physical, and there are 64 KiB.
class TripleFault : public testing::Test {
 protected:
  TripleFault() : cpu_(Arch::x86_64, hv::register_table(Arch::x86_64)), memory_(64 << 10) {
    cpu_.set("rip", 0x1000);
    cpu_.set("rsp", 0x8000);
    cpu_.set("efer", 1 << 10);
    cpu_.set("idt_base", 0x2000);
    cpu_.set("idt_limit", 0xfff);
    for (usize vector : {6u, 8u, 13u, 14u}) set_gate(vector, 0x6000, 0x8e);
  }
  void set_gate(usize vector, u16 handler, u8 type) {
    std::memcpy(&memory_[0x2000 + 16 * vector], &handler, 2);
    memory_[0x2000 + 16 * vector + 5] = type;
  }
  bool says(std::string_view words) const {
    const std::string text = explain_triple_fault(cpu_, [this](u64 address, MutableBytes into) {
      if (address > memory_.size() || memory_.size() - address < into.size()) return false;
      std::memcpy(into.data(), memory_.data() + address, into.size());
      return true;
    });
    return text.find(words) != text.npos;
  }

  hv::RegisterFile cpu_;
  std::vector<u8> memory_;
};

TEST_F(TripleFault, NamesWhatIsMissing) {
  EXPECT_TRUE(says("IDT, its handlers and the stack are mapped"));
  set_gate(14, 0x6000, 0x0e);
  EXPECT_TRUE(says("at RIP 0x1000 (CR2 0x0): the IDT has no gate for #PF"));
  cpu_.set("rsp", 0x2000'0000);
  EXPECT_TRUE(says("the IDT has no gate for #PF; nothing is mapped below the stack pointer"));
  cpu_.set("idt_limit", 0x6f);
  EXPECT_TRUE(says("(limit 0x6f) ends before #DF"));
  cpu_.set("idt_limit", 0);
  EXPECT_TRUE(says("the IDT is empty"));
}

TEST_F(TripleFault, TellsTablesThatAreGone) {
  cpu_.set("idt_base", 0x4000'0000);
  EXPECT_TRUE(says("the IDT at 0x40000000 is not mapped"));
  cpu_.set("rip", 0x5000'0000);
  EXPECT_TRUE(says("do not map RIP"));
}

TEST_F(TripleFault, SaysWhereTheProcessorHasForgotten) {
  cpu_.set("rip", 0xfff0);
  cpu_.set("cr0", 0x6000'0010);
  EXPECT_TRUE(says("does not keep where"));
}

}  // namespace
}  // namespace pv::inspect::x86_64
