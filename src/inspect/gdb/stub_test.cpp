#include "inspect/gdb/stub.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "base/text.h"
#include "inspect/gdb/fake_target.h"

namespace pv::inspect::gdb {
namespace {

using Event = PacketReader::Event;

std::string text_of(const std::vector<u8>& bytes) { return {bytes.begin(), bytes.end()}; }

std::string events(PacketReader& reader, std::string_view sent) {
  std::string seen;
  reader.feed(bytes_of(sent), [&](Event event, std::string_view data) {
    constexpr const char* names[] = {"packet:", "corrupt", "long", "interrupt", "ack", "nak"};
    seen += names[static_cast<int>(event)] + std::string(data) + " ";
  });
  return seen;
}

TEST(GdbPacket, IsFoundInAnyPieces) {
  PacketReader reader;
  EXPECT_EQ(events(reader, "++$g#67-\x03$m0,1#fa"), "ack ack packet:g nak interrupt packet:m0,1 ");
  EXPECT_EQ(events(reader, "noise$"), "");
  EXPECT_EQ(events(reader, "g#6"), "");
  EXPECT_EQ(events(reader, "7"), "packet:g ");
  EXPECT_EQ(events(reader, "$g#68$g#xx$g#6z"), "corrupt corrupt corrupt ");
  EXPECT_EQ(events(reader, frame("")), "packet: ");
}

TEST(GdbPacket, TooLongIsSwallowed) {
  PacketReader reader;
  EXPECT_EQ(events(reader, frame(std::string(max_packet, 'a'))).size(), 8 + max_packet);
  EXPECT_EQ(events(reader, frame(std::string(max_packet + 1, 'a'))), "long ");
  EXPECT_EQ(events(reader, "$g#67"), "packet:g ");
}

TEST(GdbPacket, Numbers) {
  std::string_view text = "ffffffffffffffff,10000000000000000";
  EXPECT_EQ(take_hex(text), ~0ull);
  EXPECT_TRUE(take(text, ','));
  EXPECT_FALSE(take_hex(text));  // more than 64 bits
  EXPECT_EQ(text, "10000000000000000");
  EXPECT_EQ(text_of(unescape(escape("a#$}*b"))), "a#$}*b");
  EXPECT_EQ(escape("#"), "}\x03");
}

struct GdbStub : ::testing::TestWithParam<Arch> {
  FakeTarget target{Arch::aarch64};
  std::string sent;
  std::unique_ptr<Stub> stub = make();

  std::unique_ptr<Stub> make() {
    return std::make_unique<Stub>(target, describe(target.files[0]), Stop{},
                                  [this](std::string_view text) { sent += text; });
  }
  void no_acks() { ask("QStartNoAckMode"); }
  // The data of every packet that answers, joined by '|'.
  std::string ask(std::string_view packet) {
    sent.clear();
    stub->receive(bytes_of(frame(packet)));
    return answers();
  }
  std::string answers() {
    std::string data;
    PacketReader reader;
    reader.feed(bytes_of(sent), [&](Event event, std::string_view packet) {
      if (event == Event::packet) data += (data.empty() ? "" : "|") + std::string(packet);
    });
    return data;
  }
};

TEST_F(GdbStub, AcknowledgesUntilToldNotTo) {
  stub->receive(bytes_of(frame("qAttached")));
  EXPECT_EQ(sent, "+$1#31");
  sent.clear();
  stub->receive(bytes_of("$qAttached#00"));
  EXPECT_EQ(sent, "-");
  sent.clear();
  stub->receive(bytes_of("-"));
  EXPECT_EQ(sent, "$1#31");
  EXPECT_EQ(ask("QStartNoAckMode"), "OK");
  EXPECT_EQ(sent.substr(0, 1), "+");
  sent.clear();
  stub->receive(bytes_of(frame("qAttached")));
  EXPECT_EQ(sent, "$1#31");
}

TEST_F(GdbStub, SaysWhatItCan) {
  std::string can = ask("qSupported:swbreak+;hwbreak+;xmlRegisters=i386");
  EXPECT_NE(can.find("qXfer:features:read+"), can.npos);
  EXPECT_NE(can.find("PacketSize=3ff0"), can.npos);
  EXPECT_EQ(ask("vMustReplyEmpty"), "");
  EXPECT_EQ(ask("vCont?"), "vCont;c;C;s;S;t");
  EXPECT_EQ(ask("jWhatever"), "");
}

TEST_F(GdbStub, DescriptionComesInPieces) {
  std::string xml;
  for (;;) {
    std::string part = ask(text("qXfer:features:read:target.xml:{:x},80", xml.size()));
    ASSERT_FALSE(part.empty());
    xml += text_of(unescape(part.substr(1)));
    if (part[0] == 'l') break;
    ASSERT_EQ(part[0], 'm');
  }
  EXPECT_EQ(xml, describe(target.files[0]).xml);
  EXPECT_EQ(ask("qXfer:features:read:target.xml:fffff,80"), "l");
  EXPECT_EQ(ask("qXfer:features:read:other.xml:0,80"), "E00");
}

TEST_F(GdbStub, RegistersOfEachCpu) {
  std::string all = ask("g");
  EXPECT_EQ(all.substr(0, 32), "01000000000000000200000000000000");
  // 31 and sp and pc of 8 bytes, cpsr of 4, 32 vectors, fpsr and fpcr.
  EXPECT_EQ(all.size(), 2 * (33 * 8 + 4 + 32 * 16 + 8));
  EXPECT_EQ(ask("P20=efcdab8967452301"), "OK");  // pc
  EXPECT_EQ(target.files[0].get("pc"), 0x0123'4567'89ab'cdefu);
  EXPECT_EQ(ask("p20"), "efcdab8967452301");
  EXPECT_EQ(ask("Hg2"), "OK");
  EXPECT_EQ(ask("p20"), "2100000000000000");
  EXPECT_EQ(ask("Hg3"), "E01");
  EXPECT_EQ(ask("pffff"), "E01");
  EXPECT_EQ(ask("P20=ef"), "E01");
  all.replace(0, 4, "ff00");
  EXPECT_EQ(ask("G" + all), "OK");
  EXPECT_EQ(target.files[1].get("x0"), 0xffu);
  EXPECT_EQ(ask("G12zz"), "E01");
  EXPECT_EQ(ask("G" + all.substr(2)), "E01");  // not all of them
  EXPECT_EQ(ask("G00" + all), "E01");
  EXPECT_EQ(ask("G"), "E01");
  EXPECT_EQ(target.files[1].get("x0"), 0xffu);
}

// As after a reset, when another server goes on with the client.
TEST_F(GdbStub, GoesOnUnderTheSameTerms) {
  no_acks();
  ask("qSupported:hwbreak+");
  ask("vCont;c");
  Terms terms = stub->terms();
  EXPECT_TRUE(terms.running && terms.tells_hardware && !terms.acks);
  stub = std::make_unique<Stub>(
      target, describe(target.files[0]), Stop{}, [this](std::string_view text) { sent += text; },
      terms);
  sent.clear();
  stub->note("reset");
  stub->stopped({.cpu = 1});
  EXPECT_EQ(answers(), "O" + to_hex(bytes_of("reset\n")) + "|T05thread:2;");
  EXPECT_FALSE(stub->running());
  sent.clear();
  ask("?");
  EXPECT_TRUE(sent.starts_with("$T05")) << sent;  // without an acknowledgement
}

TEST_F(GdbStub, UnknownRegistersAreSaidSo) {
  target.files[0].known[0] = 0;
  EXPECT_EQ(ask("g").substr(0, 20), "xxxxxxxxxxxxxxxx0200");
}

TEST_F(GdbStub, MemoryVirtualAndPhysical) {
  EXPECT_EQ(ask("Mffff000000000010,3:616263"), "OK");
  EXPECT_EQ(ask("mffff000000000010,3"), "616263");
  EXPECT_EQ(ask("m10,3"), "E0e");
  EXPECT_EQ(ask("qRcmd," + to_hex(bytes_of("why"))),
            "O" + to_hex(bytes_of("0x10 is not mapped; hint\n")) + "|OK");
  EXPECT_EQ(ask("Qqemu.PhyMemMode:1"), "OK");
  EXPECT_EQ(ask("m10,3"), "616263");
  EXPECT_EQ(ask("qqemu.PhyMemMode"), "1");
  EXPECT_EQ(ask("X20,4:" + escape("#$}*")), "OK");
  EXPECT_EQ(ask("m20,4"), "23247d2a");
  EXPECT_EQ(ask("X20,0:"), "OK");
  EXPECT_EQ(ask("X20,3:ab"), "E01");
  EXPECT_EQ(ask("mffe,10"), "0000");  // the end of RAM: as much as there is
  EXPECT_EQ(ask("m0,ffffffffffffffff").size(), 2 * 0x1000u);
  EXPECT_EQ(ask("m,"), "E01");
}

TEST_F(GdbStub, Points) {
  EXPECT_EQ(ask("Z0,1000,4"), "OK");
  EXPECT_EQ(ask("Z2,ffff,8"), "OK");
  EXPECT_EQ(ask("Z3,1000,4"), "");
  EXPECT_EQ(ask("Z5,1000,4"), "");
  EXPECT_EQ(ask("Z0,1000"), "E01");
  EXPECT_EQ(target.points, (std::set<std::string>{"0 0x1000 4", "2 0xffff 8"}));
  EXPECT_EQ(ask("z0,1000,4"), "OK");
  EXPECT_EQ(target.points.size(), 1u);
}

TEST_F(GdbStub, ThreadsAreCpus) {
  EXPECT_EQ(ask("qfThreadInfo"), "m1,2");
  EXPECT_EQ(ask("qsThreadInfo"), "l");
  EXPECT_EQ(ask("T2"), "OK");
  EXPECT_EQ(ask("T3"), "E01");
  EXPECT_EQ(ask("qThreadExtraInfo,2"), to_hex(bytes_of("CPU 1")));
  EXPECT_EQ(ask("qC"), "QC1");
}

TEST_F(GdbStub, ResumesAndStops) {
  ask("qSupported:swbreak+");
  EXPECT_EQ(ask("vCont;s:2;c"), "");
  EXPECT_EQ(target.resumed, "cs");
  EXPECT_EQ(ask("g"), "");  // not while running
  sent.clear();
  stub->receive(bytes_of("\x03"));
  EXPECT_EQ(target.interrupts, 1);
  stub->stopped({.reason = Stop::Reason::interrupted, .cpu = 1});
  EXPECT_EQ(answers(), "T02thread:2;");
  EXPECT_EQ(ask("?"), "T02thread:2;");
  ask("vCont;c");
  EXPECT_EQ(target.resumed, "cc");
  sent.clear();
  stub->stopped({.reason = Stop::Reason::breakpoint, .cpu = 0});
  EXPECT_EQ(answers(), "T05thread:1;swbreak:;");
  ask("vCont;c:1");
  EXPECT_EQ(target.resumed, "c-");
  sent.clear();
  stub->stopped(
      {.reason = Stop::Reason::watchpoint, .cpu = 0, .point = Point::access, .address = 0x1234});
  EXPECT_EQ(answers(), "T05thread:1;awatch:1234;");
  EXPECT_EQ(ask("vCont;x"), "E01");
  EXPECT_EQ(ask("vCont;t"), "T05thread:1;awatch:1234;");
}

TEST_F(GdbStub, OldRequestsToResume) {
  ask("s");
  EXPECT_EQ(target.resumed, "sc");
  stub->stopped({.reason = Stop::Reason::step, .cpu = 0});
  EXPECT_EQ(ask("Hc2"), "OK");
  ask("c8000");
  EXPECT_EQ(target.resumed, "-c");
  EXPECT_EQ(target.files[1].get("pc"), 0x8000u);
  stub->stopped({});
  ask("C05");
  EXPECT_EQ(target.resumed, "-c");
  stub->stopped({});
  ask("Hc-1");
  ask("S05");
  EXPECT_EQ(target.resumed, "sc");
}

TEST_F(GdbStub, WhatCannotBeDoneIsSaid) {
  target.refuses = true;
  EXPECT_EQ(ask("vCont;s:1"), "O" + to_hex(bytes_of("this host cannot step\n")) + "|T05thread:1;");
  EXPECT_FALSE(stub->running());
}

TEST_F(GdbStub, NotesWaitForAnEar) {
  stub->note("mind the gap");
  EXPECT_EQ(sent, "");
  EXPECT_EQ(ask("vCont;c"), "O" + to_hex(bytes_of("mind the gap\n")));
  sent.clear();
  stub->note("more");
  EXPECT_EQ(answers(), "O" + to_hex(bytes_of("more\n")));
}

TEST_F(GdbStub, EndsOfTheConversation) {
  EXPECT_EQ(ask("D"), "OK");
  EXPECT_TRUE(target.detached);
  EXPECT_TRUE(stub->finished());
  EXPECT_EQ(ask("g"), "");
  stub = make();
  ask("k");
  EXPECT_TRUE(target.killed);
  stub = make();
  ask("vCont;c");
  sent.clear();
  stub->exited(3);
  EXPECT_EQ(answers(), "W03");
  stub = make();
  ask("vCont;c");
  sent.clear();
  stub->killed(6);
  EXPECT_EQ(answers(), "X06");
}

// Big-endian values, and 32 bits where the guest uses no more.
TEST(GdbDescription, FollowsThePowerpcGuest) {
  FakeTarget target(Arch::powerpc, 1);
  hv::RegisterFile& file = target.files[0];
  ASSERT_TRUE(file.set("pvr", 0x8021'0030));  // e500v2
  for (usize i = *file.index("f0"); i <= *file.index("fpscr"); ++i) file.known[i] = 0;
  Description e500 = describe(file);
  EXPECT_NE(e500.xml.find("powerpc:common<"), std::string::npos);
  EXPECT_EQ(e500.xml.find("power.fpu"), std::string::npos);
  EXPECT_EQ(wire_value(e500, e500.registers[0], file), "00000001");
  EXPECT_EQ(register_value(e500, e500.registers[0], bytes_of("\x12\x34\x56\x78")).low,
            0x1234'5678u);
  file.set(*file.index("f0"), {1, 0});
  EXPECT_NE(describe(file).xml.find("powerpc:common<"), std::string::npos);  // not by the processor
  ASSERT_TRUE(file.set("epcr", 0x0200'0000));
  Description e5500 = describe(file);
  EXPECT_NE(e5500.xml.find("powerpc:common64<"), std::string::npos);
  EXPECT_NE(e5500.xml.find("power.fpu"), std::string::npos);
  EXPECT_EQ(wire_value(e5500, e5500.registers[1], file), "0000000000000002");
}

// Every register of every table once, in a document whose elements are closed.
TEST(GdbDescription, HasEveryRegister) {
  for (Arch arch : {Arch::aarch64, Arch::riscv64, Arch::powerpc, Arch::x86_64}) {
    FakeTarget target(arch, 1);
    Description description = describe(target.files[0]);
    EXPECT_EQ(description.registers.size(), target.files[0].table.size()) << name(arch);
    u32 offset = 0;
    for (const auto& info : target.files[0].table)
      EXPECT_NE(description.xml.find(text("<reg name=\"{}\" ", info.name)), std::string::npos)
          << info.name;
    for (const auto& wire : description.registers) {
      EXPECT_EQ(wire.offset, offset);
      offset += wire.bytes;
    }
    auto count = [&](std::string_view what) {
      usize found = 0;
      for (usize at = 0; (at = description.xml.find(what, at)) != std::string::npos; ++at) ++found;
      return found;
    };
    EXPECT_EQ(count("<feature "), count("</feature>"));
    EXPECT_GE(count("org.gnu.gdb."), 2u);
    EXPECT_EQ(count("org.polyvisor.system"), 1u);
  }
}

}  // namespace
}  // namespace pv::inspect::gdb
