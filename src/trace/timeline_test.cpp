#include "trace/timeline.h"

#include <gtest/gtest.h>

namespace pv::trace {
namespace {

u64 sum(const Timeline& timeline, Cause cause) {
  u64 all = 0;
  for (const auto& bin : timeline.bins()) all += bin[static_cast<usize>(cause)];
  return all;
}

TEST(Timeline, BinsWidenAndLoseNothing) {
  Timeline timeline;
  for (u64 i = 0; i < 10'000; ++i) timeline.count(i * 1'000'000, Cause::mmio_read);
  timeline.count(0, Cause::mmio_write);
  timeline.count(9'999'999'999, Cause::halted);
  EXPECT_LE(timeline.bins().size(), Timeline::most_bins);
  EXPECT_EQ(sum(timeline, Cause::mmio_read), 10'000u);
  EXPECT_EQ(timeline.total(Cause::mmio_read), 10'000u);
  EXPECT_EQ(timeline.bins().front()[static_cast<usize>(Cause::mmio_write)], 1u);
  EXPECT_EQ(timeline.bins().back()[static_cast<usize>(Cause::halted)], 1u);
  // Evenly spread events are evenly spread over the bins.
  const u64 each = timeline.bin_ns() / 1'000'000;
  for (usize i = 0; i + 1 < timeline.bins().size(); ++i) {
    const u64 found = timeline.bins()[i][static_cast<usize>(Cause::mmio_read)];
    EXPECT_GE(found + 1, each);
    EXPECT_LE(found, each + 1);
  }
}

TEST(Timeline, ALateFirstEventNeedsNoEarlyBins) {
  Timeline timeline;
  timeline.count(u64{1} << 62, Cause::mmio_read);
  EXPECT_LE(timeline.bins().size(), Timeline::most_bins);
  EXPECT_EQ(sum(timeline, Cause::mmio_read), 1u);
}

TEST(Timeline, AGuestCannotMakeItGrow) {
  Timeline timeline;
  for (int i = 0; i < 10'000; ++i) timeline.moment(1, Timeline::Moment::Kind::mark, "m");
  EXPECT_EQ(timeline.moments().size(), Timeline::most_moments);
}

TEST(TimelinePage, CarriesItsDataAndNothingFromOutside) {
  Timeline timeline;
  timeline.moment(2000, Timeline::Moment::Kind::guest, "first instruction");
  timeline.moment(1000, Timeline::Moment::Kind::launch, "sealed");
  timeline.count(5000, Cause::mmio_write);
  timeline.count_place("uart", 1);
  TimelineTitle title;
  title.kernel = "a</script><b>\"Image";
  title.arch = "aarch64";
  title.end_ns = 10'000;
  const std::string page = timeline_page(timeline, title);
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_NE(page.find("\"kernel\":\"a\\u003c/script>\\u003cb>\\\"Image\""), std::string::npos);
  EXPECT_NE(page.find("\"causes\":[{\"name\":\"mmio-write\",\"count\":1}]"), std::string::npos);
  EXPECT_LT(page.find("\"label\":\"sealed\""), page.find("\"label\":\"first instruction\""));
  for (const char* outside : {"src=", "href=", "url(", "@import", "fetch("})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
}

}  // namespace
}  // namespace pv::trace
