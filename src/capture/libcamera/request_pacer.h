// RequestPacer: when a buffer may go back to the camera. At once, except for a camera that does not keep the frame rate
// that it was given (libcamera's Virtual handler completes a request as soon as it is queued): there, one per interval.
// Pure; thread-bound (its owner locks).
#pragma once

#include <chrono>

#include "base/clock.h"

namespace camweave::libcam {

class RequestPacer {
 public:
  // The shortest time between frames that the camera was told; 0: it takes no such setting, and is never held back.
  void set_interval(std::chrono::nanoseconds interval) { interval_ = interval; }

  void note_completed(Timestamp now);
  bool holding_back() const { return holding_back_; }

  // The moment from which the next buffer may be queued. Call note_queued() when it is.
  Timestamp due() const { return holding_back_ ? due_ : Timestamp::min(); }
  void note_queued(Timestamp now);

 private:
  std::chrono::nanoseconds interval_{};
  Timestamp window_start_{};
  int completed_in_window_ = 0;
  bool holding_back_ = false;
  Timestamp due_{};
};

}  // namespace camweave::libcam
