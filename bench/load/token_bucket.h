// How many bytes a slow client may read now, as a link of a given rate would have carried them. Pure: time is passed
// in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../common/clock.h"

namespace bench {

class TokenBucket {
 public:
  TokenBucket(double bits_per_s, Monotonic::time_point now)
      : bytes_per_ns_(bits_per_s / 8e9), quantum_bytes_(std::max(1500.0, bits_per_s / 8 * 0.002)), filled_at_(now) {}

  // Whole quanta only (2 ms of the link, at least one packet): 0 means wait until next_at().
  size_t available(Monotonic::time_point now) {
    const auto passed = std::chrono::duration_cast<nanoseconds>(now - filled_at_).count();
    tokens_ = std::min(tokens_ + static_cast<double>(passed) * bytes_per_ns_, 2 * quantum_bytes_);
    filled_at_ = now;
    return tokens_ < quantum_bytes_ && !started_ ? 0 : begin();
  }

  void take(size_t bytes) {
    tokens_ -= static_cast<double>(bytes);
    if (tokens_ < 1) started_ = false;
  }

  Monotonic::time_point next_at() const {
    const double missing = std::max(0.0, quantum_bytes_ - tokens_);
    return filled_at_ + nanoseconds(static_cast<int64_t>(missing / bytes_per_ns_) + 1);
  }

 private:
  size_t begin() {
    started_ = tokens_ >= 1;
    return static_cast<size_t>(std::max(0.0, tokens_));
  }

  const double bytes_per_ns_;
  const double quantum_bytes_;
  double tokens_ = 0;
  Monotonic::time_point filled_at_;
  bool started_ = false;  // a quantum was granted and is not used up
};

}  // namespace bench
