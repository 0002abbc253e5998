// What the report of --differential quotes of a copy that could not run.
#include "cli/differential.h"

#include <gtest/gtest.h>

namespace pv::cli {
namespace {

TEST(Differential, QuotesTheEndOfWhatACopySaid) {
  EXPECT_EQ(last_lines("polyvisor: disk 0: in use\n  use ,ro\n"),
            "  it said: polyvisor: disk 0: in use\n  it said:   use ,ro\n");
  EXPECT_EQ(last_lines("a\n\nb\nc\nd"), "  it said: b\n  it said: c\n  it said: d\n");
  EXPECT_EQ(last_lines("\n\n"), "");
  EXPECT_EQ(last_lines(""), "");
}

}  // namespace
}  // namespace pv::cli
