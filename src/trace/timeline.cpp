#include "trace/timeline.h"

#include <algorithm>

#include "base/json_writer.h"
#include "trace/timeline_template.h"

namespace pv::trace {
namespace {

constexpr const char* kind_names[] = {"launch", "guest", "mark", "end"};

void add_moments(JsonWriter& json, const Timeline& timeline) {
  auto moments = timeline.moments();
  std::ranges::stable_sort(moments, {}, &Timeline::Moment::ns);
  json.array("moments");
  for (const auto& moment : moments) {
    json.object();
    json.field("ns", moment.ns);
    json.field("kind", kind_names[static_cast<usize>(moment.kind)]);
    json.field("label", moment.label);
    json.end();
  }
  json.end();
}

// Causes that occurred, the most frequent first; the bins hold them in this order.
std::vector<Cause> causes_of(const Timeline& timeline) {
  std::vector<Cause> causes;
  for (usize i = 1; i < cause_count; ++i)
    if (timeline.total(static_cast<Cause>(i)) != 0) causes.push_back(static_cast<Cause>(i));
  std::ranges::stable_sort(causes, std::greater<>(), [&](Cause c) { return timeline.total(c); });
  return causes;
}

void add_exits(JsonWriter& json, const Timeline& timeline) {
  const auto causes = causes_of(timeline);
  json.array("causes");
  for (Cause cause : causes) {
    json.object();
    json.field("name", name(cause));
    json.field("count", timeline.total(cause));
    json.end();
  }
  json.end();
  json.field("bin_ns", timeline.bin_ns());
  json.array("bins");
  for (const auto& bin : timeline.bins()) {
    json.array();
    for (Cause cause : causes) json.value(bin[static_cast<usize>(cause)]);
    json.end();
  }
  json.end();
}

void add_places(JsonWriter& json, const Timeline& timeline) {
  auto places = timeline.places();
  std::ranges::stable_sort(places, std::greater<>(), &Timeline::Place::count);
  json.array("places");
  for (const auto& place : places) {
    json.object();
    json.field("name", place.name);
    json.field("count", place.count);
    json.end();
  }
  json.end();
}

// Nothing in the data may end the element that it stands in.
std::string inside_script(std::string json) {
  std::string out;
  out.reserve(json.size());
  for (char c : json)
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  return out;
}

}  // namespace

void Timeline::moment(u64 ns, Moment::Kind kind, std::string label) {
  if (moments_.size() < most_moments) moments_.push_back({ns, kind, std::move(label)});
}

void Timeline::count(u64 ns, Cause cause) {
  const usize which = static_cast<usize>(cause);
  if (which >= cause_count) return;
  ++totals_[which];
  while (ns / bin_ns_ >= most_bins) {
    for (usize i = 0; i < bins_.size(); ++i) {
      Bin& into = bins_[i / 2];
      if (i % 2 == 0)
        into = bins_[i];
      else
        for (usize c = 0; c < cause_count; ++c) into[c] += bins_[i][c];
    }
    bins_.resize((bins_.size() + 1) / 2);
    bin_ns_ *= 2;
  }
  const usize bin = static_cast<usize>(ns / bin_ns_);
  if (bin >= bins_.size()) bins_.resize(bin + 1);
  ++bins_[bin][which];
}

std::string timeline_page(const Timeline& timeline, const TimelineTitle& title) {
  JsonWriter json;
  json.object();
  json.field("version", u32{1});
  json.field("kernel", title.kernel);
  json.field("arch", title.arch);
  json.field("polyvisor", title.version);
  json.field("outcome", title.outcome);
  json.field("cpus", title.cpus);
  json.field("memory", title.memory);
  json.field("wall_ms", title.wall_ns / 1'000'000);
  json.field("end_ns", title.end_ns);
  json.field("lost", title.lost);
  add_moments(json, timeline);
  add_exits(json, timeline);
  add_places(json, timeline);
  json.end();
  std::string page(page_head);
  page += inside_script(json.take());
  page += page_tail;
  return page;
}

}  // namespace pv::trace
