// Time. A Timestamp is CLOCK_MONOTONIC (steady_clock is that on Linux) in nanoseconds and orders everything inside;
// wall time is a separate mapping, made once per frame where it is captured and never used for scheduling, so that a
// step of the wall clock cannot disturb a stream.
#pragma once

#include <chrono>
#include <cstdint>

namespace camweave {

using Timestamp = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using UnixMicroseconds = std::chrono::duration<int64_t, std::micro>;

inline int64_t to_nanoseconds(Timestamp time) { return time.time_since_epoch().count(); }
inline Timestamp from_nanoseconds(int64_t ns) { return Timestamp(std::chrono::nanoseconds(ns)); }

// Where time comes from; tests pass a FakeClock. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  virtual UnixMicroseconds wall_now() const = 0;

  // Wall time at the moment `time`, by today's offset between both clocks.
  UnixMicroseconds wall_at(Timestamp time) const {
    return wall_now() - std::chrono::duration_cast<UnixMicroseconds>(now() - time);
  }
};

class SystemClock final : public Clock {
 public:
  Timestamp now() const override { return std::chrono::steady_clock::now(); }
  UnixMicroseconds wall_now() const override {
    return std::chrono::duration_cast<UnixMicroseconds>(std::chrono::system_clock::now().time_since_epoch());
  }
};

}  // namespace camweave
