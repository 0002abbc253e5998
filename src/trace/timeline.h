// Timeline: a run from launch to end as a few moments and a histogram of exits, and the page that
// draws it: one HTML file with everything in it, for a browser without a network.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "trace/format.h"

namespace pv::trace {

class Timeline {
 public:
  struct Moment {
    enum class Kind : u8 {
      launch,  // the monitor's own steps before the guest
      guest,   // first instruction, first exit, first output
      mark,    // written by the guest
      end,
    };
    u64 ns;  // since launch
    Kind kind;
    std::string label;
  };
  // A device or port by name, and how often the guest went there.
  struct Place {
    std::string name;
    u64 count;
  };
  using Bin = std::array<u32, cause_count>;
  static constexpr usize most_bins = 480;
  // A guest may write marks for ever.
  static constexpr usize most_moments = 500;

  void moment(u64 ns, Moment::Kind kind, std::string label);
  // An exit. Times may come in any order.
  void count(u64 ns, Cause cause);
  void count_place(std::string name, u64 count) { places_.push_back({std::move(name), count}); }

  const std::vector<Moment>& moments() const { return moments_; }
  const std::vector<Bin>& bins() const { return bins_; }
  const std::vector<Place>& places() const { return places_; }
  u64 bin_ns() const { return bin_ns_; }
  u64 total(Cause cause) const { return totals_[static_cast<usize>(cause)]; }

 private:
  std::vector<Moment> moments_;
  std::vector<Bin> bins_;
  std::vector<Place> places_;
  std::array<u64, cause_count> totals_{};
  u64 bin_ns_ = 100'000;
};

struct TimelineTitle {
  std::string kernel;
  std::string arch;
  std::string version;  // of polyvisor
  std::string outcome;  // "the guest powered off"
  u32 cpus = 1;
  u64 memory = 0;
  u64 wall_ns = 0;  // of the launch
  u64 end_ns = 0;   // since launch
  u64 lost = 0;     // exits that could not be recorded
};
std::string timeline_page(const Timeline& timeline, const TimelineTitle& title);

}  // namespace pv::trace
