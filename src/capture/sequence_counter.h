// SequenceCounter: makes one rising count of what a driver counts, across its restarts: a driver that begins at 0 again
// goes on after the last frame; gaps stay gaps. Thread-bound.
#pragma once

#include <cstdint>

namespace camweave {

class SequenceCounter {
 public:
  explicit SequenceCounter(uint64_t first) : next_(first) {}

  uint64_t number_of(uint64_t drivers_number) {
    // Wraps on purpose: the offset may be "negative".
    if (drivers_number + offset_ < next_) offset_ = next_ - drivers_number;
    next_ = drivers_number + offset_ + 1;
    return next_ - 1;
  }

 private:
  uint64_t next_;
  uint64_t offset_ = 0;
};

}  // namespace camweave
