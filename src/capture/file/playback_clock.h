// PlaybackClock: when each picture is due: the file's own times on the clock, at a speed, without a jump when the speed
// changes or the file begins again. Thread-bound, pure.
#pragma once

#include <chrono>

#include "base/clock.h"

namespace camweave::file {

class PlaybackClock {
 public:
  // Behind by more than this, the file goes on from now instead of hurrying after the clock.
  static constexpr auto max_lag = std::chrono::milliseconds(500);

  // When the picture at `time` of this pass is due. Call once for each, in order.
  Timestamp due(std::chrono::nanoseconds time, double speed, Timestamp now) {
    if (!running_) {
      last_due_ = now;
      running_ = true;
    } else {
      last_due_ += scaled(time - last_time_, speed);
      if (last_due_ + max_lag < now) last_due_ = now;
    }
    last_time_ = time;
    return last_due_;
  }

  // The pass has ended, its last picture being `picture_length` long: the next time is one of a new pass.
  void next_pass(std::chrono::nanoseconds picture_length) { last_time_ = -picture_length; }
  // The last picture once more, `gap` later; the file stands still.
  Timestamp due_again(std::chrono::nanoseconds gap, Timestamp now) {
    const auto time = last_time_;
    last_time_ = time - gap;
    return due(time, 1, now);
  }

 private:
  static std::chrono::nanoseconds scaled(std::chrono::nanoseconds length, double speed) {
    return std::chrono::nanoseconds(static_cast<int64_t>(static_cast<double>(length.count()) / speed));
  }

  bool running_ = false;
  Timestamp last_due_{};
  std::chrono::nanoseconds last_time_{};
};

}  // namespace camweave::file
