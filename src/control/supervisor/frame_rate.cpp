#include "control/supervisor/frame_rate.h"

namespace camweave {

void FrameRate::add(Timestamp time, uint64_t count) {
  if (!samples_.empty() && count < samples_.back().count) samples_.clear();
  if (!samples_.empty() && time <= samples_.back().time) return;
  samples_.push_back({time, count});
  while (samples_.size() > 2 && samples_.front().time < time - window) samples_.pop_front();
}

double FrameRate::per_second(Timestamp now) const {
  if (samples_.size() < 2 || now - samples_.back().time > window) return 0;
  const auto span = std::chrono::duration<double>(samples_.back().time - samples_.front().time).count();
  return static_cast<double>(samples_.back().count - samples_.front().count) / span;
}

}  // namespace camweave
