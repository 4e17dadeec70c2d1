// FakeClock: a Clock that stands still until a test moves it. Thread-safe. For tests only.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace camweave {

class FakeClock final : public Clock {
 public:
  Timestamp now() const override { return from_nanoseconds(monotonic_ns_.load()); }
  UnixMicroseconds wall_now() const override { return UnixMicroseconds(wall_us_.load()); }

  // Both clocks go on, as time does.
  void advance(std::chrono::nanoseconds by) {
    monotonic_ns_ += by.count();
    wall_us_ += std::chrono::duration_cast<UnixMicroseconds>(by).count();
  }
  // Somebody sets the wall clock; monotonic time doesn't notice.
  void step_wall(UnixMicroseconds by) { wall_us_ += by.count(); }

 private:
  std::atomic<int64_t> monotonic_ns_{1'000'000'000};
  std::atomic<int64_t> wall_us_{1'700'000'000'000'000};
};

}  // namespace camweave
