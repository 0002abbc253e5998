// Any bytes as a trace file: read, put in order, compared with itself and with its first half.
#include <algorithm>

#include "base/check.h"
#include "trace/compare.h"
#include "trace/reader.h"

using namespace pv;
using namespace pv::trace;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto whole = parse(Bytes(data, size), "fuzz");
  if (!whole) {
    CHECK(!whole.error().message.empty());
    return 0;
  }
  CHECK(whole->in_time().size() == whole->events());
  for (const auto& events : whole->vcpus)
    for (const Event& event : events) {
      CHECK(!name(event.cause).empty());
      CHECK(whole->changes_of(event).size() == event.changes);
    }
  const Comparison same = compare(*whole, *whole, {.interrupted = true});
  if (whole->lost() == 0)
    CHECK(!same.first || std::ranges::any_of(whole->vcpus, [](const auto& v) {
      return std::ranges::any_of(v, [](const Event& e) { return e.cause == Cause::lost; });
    }));
  auto half = parse(Bytes(data, sizeof(Header) + (size - sizeof(Header)) / 2), "fuzz");
  if (!half) return 0;
  const Comparison parts = compare(*whole, *half, {});
  for (const Difference& difference : parts.differences) {
    CHECK(difference.a <= difference.a_end && difference.a_end <= parts.a[difference.vcpu].size());
    CHECK(difference.b <= difference.b_end && difference.b_end <= parts.b[difference.vcpu].size());
    CHECK(difference.a != difference.a_end || difference.b != difference.b_end);
    (void)registers_after(*whole, parts.a[difference.vcpu], difference.a + 1);
  }
  return 0;
}
