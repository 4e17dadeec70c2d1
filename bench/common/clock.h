// The two clocks that the benchmark programs read: wall time to stamp and age frames, monotonic time to pace them.
#pragma once

#include <chrono>
#include <cstdint>

namespace bench {

using Monotonic = std::chrono::steady_clock;  // CLOCK_MONOTONIC on Linux
using std::chrono::nanoseconds;

inline int64_t unix_now_us() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
}

}  // namespace bench
