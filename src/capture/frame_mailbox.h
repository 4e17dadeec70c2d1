// FrameMailbox: hands the newest frame to one encoding thread. A frame that was not fetched in time is replaced, which
// gives its buffer back to the driver. Thread-safe.
#pragma once

#include <optional>
#include <utility>

#include "base/mutex.h"
#include "capture/captured_frame.h"

namespace camweave {

class FrameMailbox {
 public:
  // False when an older frame had to make room.
  bool put(CapturedFrame frame) {
    std::optional<CapturedFrame> replaced;  // its buffer goes back outside the lock
    {
      MutexLock lock(mutex_);
      if (closed_) return true;
      replaced = std::exchange(frame_, std::move(frame));
    }
    arrived_.notify_one();
    return !replaced;
  }

  // Waits for the next frame; nothing once closed.
  std::optional<CapturedFrame> take() {
    MutexLock lock(mutex_);
    while (!frame_ && !closed_) arrived_.wait(mutex_);
    if (closed_) return std::nullopt;
    return std::exchange(frame_, std::nullopt);
  }

  void close() {
    std::optional<CapturedFrame> left;
    {
      MutexLock lock(mutex_);
      closed_ = true;
      left = std::exchange(frame_, std::nullopt);
    }
    arrived_.notify_all();
  }

 private:
  Mutex mutex_;
  CondVar arrived_;
  std::optional<CapturedFrame> frame_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace camweave
