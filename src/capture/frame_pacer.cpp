#include "capture/frame_pacer.h"

#include <algorithm>

namespace camweave {

void FramePacer::measure(Timestamp capture_time) {
  const auto step = capture_time - last_;
  last_ = capture_time;
  if (step <= std::chrono::nanoseconds::zero()) return;
  if (source_interval_ == source_interval_.zero()) {
    source_interval_ = step;
  } else {
    // A pause (a camera that was away) is no frame interval; a camera that slows down is believed within a few frames.
    source_interval_ = (7 * source_interval_ + std::min(step, 4 * source_interval_)) / 8;
  }
}

bool FramePacer::take(Timestamp capture_time, int source_fps_milli) {
  if (interval_ == interval_.zero()) return true;
  if (source_fps_milli > 0 && interval_ <= interval_of(source_fps_milli)) return true;
  if (!started_) {
    started_ = true;
    last_ = capture_time;
    source_interval_ = interval_of(source_fps_milli);
    due_ = capture_time + interval_;
    return true;
  }
  measure(capture_time);
  // The frame nearest to its due time; a little off the middle, so that jitter doesn't decide exact halves.
  if (capture_time + source_interval_ * 45 / 100 < due_) return false;
  due_ += interval_;
  // After a pause the grid begins anew instead of letting a burst through.
  if (capture_time > due_) due_ = capture_time + interval_;
  return true;
}

}  // namespace camweave
