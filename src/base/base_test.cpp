#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "base/endian.h"
#include "base/fd.h"
#include "base/hex.h"
#include "base/json_writer.h"
#include "base/result.h"
#include "base/serialize.h"
#include "base/text.h"

namespace pv {
namespace {

TEST(Endian, StoresInTheStatedOrder) {
  Le32 little = 0x11223344;
  Be32 big = 0x11223344;
  std::array<u8, 4> bytes;
  std::memcpy(bytes.data(), &little, 4);
  EXPECT_EQ(bytes, (std::array<u8, 4>{0x44, 0x33, 0x22, 0x11}));
  std::memcpy(bytes.data(), &big, 4);
  EXPECT_EQ(bytes, (std::array<u8, 4>{0x11, 0x22, 0x33, 0x44}));
  EXPECT_EQ(u32{little}, u32{big});
}

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Error::Kind::usage, text("{} is odd", n), "use an even number");
  return n / 2;
}
Result<int> quarter(int n) {
  int once = TRY(half(n));
  return TRY(half(once), "second half");
}

TEST(Result, TryPassesValuesAndAddsContext) {
  EXPECT_EQ(*quarter(8), 2);
  auto error = quarter(6).error();
  EXPECT_EQ(error.message, "second half: 3 is odd");
  EXPECT_EQ(error.hint, "use an even number");
}

TEST(Result, ErrnoIsNamed) {
  auto error = open_file("/nonexistent/file", 0).error();
  EXPECT_NE(error.message.find("/nonexistent/file"), std::string::npos);
  EXPECT_NE(error.message.find("ENOENT"), std::string::npos);
}

TEST(WriteOrDrop, DoesNotWaitForAFullPipe) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  Fd reader(ends[0]), writer(ends[1]);
  const u8 message[] = {'a', 'b', 'c'};
  write_or_drop(writer.get(), message, 0);
  u8 got[8] = {};
  EXPECT_EQ(::read(reader.get(), got, sizeof got), 3);
  std::array<u8, 4096> block{};
  while (::write(writer.get(), block.data(), block.size()) > 0) {
  }
  ASSERT_EQ(::fcntl(writer.get(), F_SETFL, 0), 0);  // now a plain write would wait for ever
  write_or_drop(writer.get(), message, 1);
}

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_NONBLOCK), 0);
    from.reset(ends[0]);
    to.reset(ends[1]);
  }
  Fd from, to;
};

TEST(ReadFully, WithPatienceEndsWhenNothingComes) {
  Pipe pipe;
  std::array<u8, 4> block{};
  ASSERT_TRUE(write_fully(pipe.to.get(), bytes_of("ab")));
  const auto silent = read_fully(pipe.from.get(), block, 0);
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().kind, Error::Kind::image);
  ASSERT_TRUE(write_fully(pipe.to.get(), bytes_of("abcdef")));
  EXPECT_EQ(read_fully(pipe.from.get(), block, 60'000), 4u);
  pipe.to.reset();
  EXPECT_EQ(read_fully(pipe.from.get(), block, 60'000), 2u);  // the end is no silence
}

TEST(Collect, UntilTheOtherEndCloses) {
  Pipe pipe;
  std::string all = "> ";
  ASSERT_TRUE(write_fully(pipe.to.get(), bytes_of("abc")));
  EXPECT_FALSE(collect(pipe.from.get(), 0, 8, all));
  EXPECT_FALSE(collect(pipe.from.get(), 1, 8, all));  // it stays open
  ASSERT_TRUE(write_fully(pipe.to.get(), bytes_of("defghij")));
  pipe.to.reset();
  EXPECT_TRUE(collect(pipe.from.get(), 60'000, 8, all));
  EXPECT_EQ(all, "> abcdef");
}

TEST(Serialize, RoundTripAndTruncation) {
  StateWriter w;
  w.put32(7);
  w.put64(u64{1} << 40);
  w.put_bytes(std::array<u8, 2>{1, 2});
  StateReader r(w.bytes());
  EXPECT_EQ(r.get32(), 7u);
  EXPECT_EQ(r.get64(), u64{1} << 40);
  EXPECT_EQ(r.get_bytes(2).size(), 2u);
  EXPECT_FALSE(r.bad());
  EXPECT_EQ(r.get8(), 0);
  EXPECT_TRUE(r.bad());
  StateReader too_long(w.bytes().subspan(12));
  too_long.get_bytes(1);
  EXPECT_TRUE(too_long.bad());
}

TEST(JsonWriter, NestsAndQuotes) {
  JsonWriter json;
  json.object();
  json.field("name", "a \"b\"\\\n\x01");
  json.array("sizes");
  json.value(u64{1});
  json.value(true);
  json.object();
  json.end();
  json.null();
  json.end();
  json.object("empty");
  json.end();
  json.field("last", false);
  json.end();
  EXPECT_EQ(json.text(),
            "{\"name\":\"a "
            "\\\"b\\\"\\\\\\n\\u0001\",\"sizes\":[1,true,{},null],\"empty\":{},\"last\":false}");
}

TEST(JsonWriter, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(json_string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
            "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_string("a\xff\xc3"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(json_string("\xed\xa0\x80"),
            "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // a surrogate
}

TEST(Hex, BothWays) {
  const std::vector<u8> bytes = {0x00, 0x4a, 0xf9};
  EXPECT_EQ(to_hex(bytes), "004af9");
  EXPECT_EQ(from_hex("004af9"), bytes);
  EXPECT_EQ(from_hex("004AF9"), bytes);
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(from_hex(""), std::vector<u8>());
  for (const char* wrong : {"1", "123", "1g", "g1", " 1", "0x"})
    EXPECT_FALSE(from_hex(wrong)) << wrong;
}

TEST(Hex, Numbers) {
  EXPECT_EQ(hex_number("0x1F"), 0x1fu);
  EXPECT_EQ(hex_number("ffffffffffffffff"), ~u64{0});
  for (const char* wrong : {"", "0x", "-1", "1g", " 1", "10000000000000000"})
    EXPECT_FALSE(hex_number(wrong)) << wrong;
}

TEST(Text, Sizes) {
  EXPECT_EQ(size_text(0), "0 bytes");
  EXPECT_EQ(size_text(1000), "1000 bytes");
  EXPECT_EQ(size_text(3_MiB), "3 MiB");
}

}  // namespace
}  // namespace pv
