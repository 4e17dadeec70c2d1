// FrameRate: frames a second over the last seconds, from a running count and the time of its newest frame. Pure.
#pragma once

#include <cstdint>
#include <deque>

#include "base/clock.h"

namespace camweave {

class FrameRate {
 public:
  static constexpr std::chrono::seconds window{3};

  // `count` frames so far, the newest at `time`. Older or unchanged times are ignored; a smaller count begins anew.
  void add(Timestamp time, uint64_t count);
  double per_second(Timestamp now) const;
  void clear() { samples_.clear(); }

 private:
  struct Sample {
    Timestamp time;
    uint64_t count;
  };
  std::deque<Sample> samples_;  // oldest first
};

}  // namespace camweave
