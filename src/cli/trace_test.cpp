#include "cli/trace_text.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/launch.h"

namespace pv::cli {
namespace {

using trace::Cause;
using trace::Record;

template <class T>
void append(std::vector<u8>& bytes, const T& value) {
  const u8* start = reinterpret_cast<const u8*>(&value);
  bytes.insert(bytes.end(), start, start + sizeof value);
}

// A trace that aarch64 could have written.
std::vector<u8> made(trace::Kind kind, Arch arch = Arch::aarch64) {
  trace::Header header{};
  std::memcpy(header.magic, trace::magic, sizeof header.magic);
  header.version = trace::version;
  header.header_size = static_cast<u32>(sizeof header);
  header.arch = trace::number_of(arch);
  header.kind = static_cast<u8>(kind);
  header.vcpus = u16{1};
  header.record_size = static_cast<u32>(sizeof(Record));
  std::vector<u8> bytes;
  append(bytes, header);
  return bytes;
}

void add(std::vector<u8>& bytes, Cause cause, u64 time_us, u64 pc, u64 address, u64 value) {
  Record record{};
  record.time_ns = time_us * 1000;
  record.pc = pc;
  record.address = address;
  record.value = value;
  record.cause = static_cast<u8>(cause);
  record.width = cause == Cause::mark ? 0 : 4;
  record.flags = trace::has_pc | trace::has_value;
  append(bytes, record);
}

void add_step(std::vector<u8>& bytes, u64 pc, u16 index, u64 value) {
  Record record{};
  record.pc = pc;
  record.cause = static_cast<u8>(Cause::step);
  record.flags = trace::has_pc;
  record.extra = 1;
  append(bytes, record);
  trace::StepRegister change{};
  change.index = index;
  change.value = value;
  append(bytes, change);
}

class TraceCommand : public ::testing::Test {
 protected:
  std::string file(const std::vector<u8>& content) {
    files_.emplace_back(::memfd_create("trace", 0));
    EXPECT_TRUE(write_fully(files_.back().get(), content));
    return text("/proc/self/fd/{}", files_.back().get());
  }
  int call(std::vector<std::string> words) {
    words.insert(words.begin(), "trace");
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    out_.reset(::memfd_create("out", MFD_CLOEXEC));
    err_.reset(::memfd_create("err", MFD_CLOEXEC));
    const int status =
        dispatch({pointers.data(), pointers.size()}, {{out_.get(), err_.get()}, launcher_});
    out = content(out_);
    err = content(err_);
    return status;
  }
  static std::string content(const Fd& fd) {
    std::string all(*file_size(fd.get()), '\0');
    EXPECT_TRUE(read_at(fd.get(), {reinterpret_cast<u8*>(all.data()), all.size()}, 0));
    return all;
  }
  bool says(std::string_view words) const { return out.find(words) != out.npos; }

  std::string out, err;

 private:
  std::vector<Fd> files_;
  Fd out_, err_;
  VmLauncher launcher_;
};

TEST_F(TraceCommand, PrintsOneLineForEachEvent) {
  auto bytes = made(trace::Kind::exits);
  add(bytes, Cause::mmio_write, 1'234'567, 0x40080a24, 0x9000030, 0x301);
  add(bytes, Cause::mark, 1'234'600, 0x40080a28, 0x90f0008, 1);
  EXPECT_EQ(call({"print", file(bytes)}), 0);
  EXPECT_EQ(out,
            "#     time vCPU pc               cause          address width value\n"
            "    1.234567  0 0x40080a24         mmio-write     0x9000030 4 0x301  (uart)\n"
            "    1.234600  0 0x40080a28         mark           1\n");
}

TEST_F(TraceCommand, CountsByCausePlaceAndProgramCounter) {
  auto bytes = made(trace::Kind::exits);
  for (u64 i = 0; i < 3; ++i) add(bytes, Cause::mmio_read, i, 0x1000, 0x9000018, 0);
  add(bytes, Cause::mmio_write, 9, 0x2000, 0xa000000, 0);
  EXPECT_EQ(call({"count", file(bytes)}), 0);
  EXPECT_TRUE(says("4 records of 1 vCPU (aarch64)"));
  EXPECT_TRUE(says("         3   75.0 %  mmio-read\n         1   25.0 %  mmio-write\n"));
  EXPECT_TRUE(says("         3   75.0 %  uart\n         1   25.0 %  virtio 0\n"));
  EXPECT_TRUE(says("         3   75.0 %  0x1000\n"));
}

TEST_F(TraceCommand, TellsWhereTwoRunsPart) {
  auto a = made(trace::Kind::exits), b = a;
  for (u64 i = 0; i < 20; ++i) {
    add(a, Cause::mmio_write, i, 0x1000 + i, 0x9000000, i);
    add(b, Cause::mmio_write, i * 7, 0x1000 + i, 0x9000000, i == 12 ? 99 : i);
  }
  const std::string of_a = file(a), of_b = file(b);
  EXPECT_EQ(call({"diff", of_a, of_a}), 0);
  EXPECT_EQ(out, "alike: 20 events, time aside\n");
  EXPECT_EQ(call({"diff", of_a, of_b, "--context", "1"}), 1);
  EXPECT_TRUE(
      says("the first difference: vCPU 0: A from event 12, B from event 12\n"
           "        11 0x100b             mmio-write     0x9000000 4 0xb  (uart)\n"
           "-       12 0x100c             mmio-write     0x9000000 4 0xc  (uart)\n"
           "+       12 0x100c             mmio-write     0x9000000 4 0x63  (uart)\n"
           "        13 0x100d             mmio-write     0x9000000 4 0xd  (uart)\n"))
      << out;
  EXPECT_TRUE(says("1 place differs, 19 events are alike\n"));
  EXPECT_EQ(call({"diff", of_a, of_b, "--ignore", "value"}), 0);
}

TEST_F(TraceCommand, StepsShowTheRegistersThatDiffer) {
  auto a = made(trace::Kind::steps), b = a;
  add_step(a, 0x1000, 3, 5);
  add_step(b, 0x1000, 3, 5);
  add_step(a, 0x1004, 4, 8);
  add_step(b, 0x1004, 4, 9);
  EXPECT_EQ(call({"diff", file(a), file(b)}), 1);
  EXPECT_TRUE(says("registers that differ there:")) << out;
  EXPECT_TRUE(says("    x4       0x8                  0x9\n")) << out;
  EXPECT_FALSE(says("    x3  "));
}

TEST_F(TraceCommand, LossesAndCutEndsAreSaid) {
  auto bytes = made(trace::Kind::exits);
  add(bytes, Cause::lost, 1, 0, 0, 17);
  add(bytes, Cause::mmio_read, 2, 0, 0, 0);
  bytes.pop_back();
  EXPECT_EQ(call({"print", file(bytes)}), 0);
  EXPECT_TRUE(says("17 records are missing here"));
  EXPECT_NE(err.find("17 records were lost"), err.npos);
  EXPECT_NE(err.find("its end is cut off"), err.npos);
}

TEST_F(TraceCommand, WhatCannotBeDoneIsRefused) {
  const std::string exits = file(made(trace::Kind::exits)), steps = file(made(trace::Kind::steps)),
                    riscv = file(made(trace::Kind::exits, Arch::riscv64));
  EXPECT_EQ(call({}), 104);
  EXPECT_EQ(call({"show", exits}), 104);
  EXPECT_EQ(call({"print"}), 104);
  EXPECT_EQ(call({"diff", exits}), 104);
  EXPECT_EQ(call({"diff", exits, steps}), 104);
  EXPECT_NE(err.find("one has exits, the other steps"), err.npos);
  EXPECT_EQ(call({"diff", exits, riscv}), 104);
  EXPECT_NE(err.find("different architectures"), err.npos);
  EXPECT_EQ(call({"print", "--vcpu", "1", exits}), 104);
  EXPECT_EQ(call({"diff", exits, exits, "--ignore", "time"}), 104);
  EXPECT_EQ(call({"print", "/dev/null"}), 105);
  EXPECT_EQ(call({"print", "/nonexistent"}), 105);
}

}  // namespace
}  // namespace pv::cli
