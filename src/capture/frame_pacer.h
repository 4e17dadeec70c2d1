// FramePacer: which frames of a camera make a slower stream. Even: the steps between taken frames differ by at most one
// source frame, however the rates divide, and the long-run rate is the wanted one. Thread-bound.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace camweave {

class FramePacer {
 public:
  // `wanted_fps_milli` 0: every frame.
  explicit FramePacer(int wanted_fps_milli) : interval_(interval_of(wanted_fps_milli)) {}

  // Whether the frame captured then belongs to the stream. Call once for each frame of the camera, in order.
  // `source_fps_milli`: the camera's nominal rate, 0 when unknown.
  bool take(Timestamp capture_time, int source_fps_milli);

 private:
  static std::chrono::nanoseconds interval_of(int fps_milli) {
    return std::chrono::nanoseconds(fps_milli > 0 ? 1'000'000'000'000 / fps_milli : 0);
  }
  void measure(Timestamp capture_time);

  const std::chrono::nanoseconds interval_;
  std::chrono::nanoseconds source_interval_{};  // smoothed
  Timestamp last_{};
  Timestamp due_{};
  bool started_ = false;
};

}  // namespace camweave
