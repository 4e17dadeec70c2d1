// FrameCheck: what of a frame's report can be believed. Pipeline handlers differ: one fills in everything, one leaves
// counters and sizes as they happened to lie in memory. Thread-bound.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "capture/libcamera/camera_system.h"
#include "media/metadata.h"

namespace camweave::libcam {

class FrameCheck {
 public:
  // The moment of capture: the sensor's time where it is sane (lately, not in the future, later than the last frame's),
  // else the buffer's, else `arrival`. Rises with each call.
  Timestamp capture_time(const FrameReport& report, Timestamp arrival);

  // Frames lost before this one. 0 until the counter has risen by itself for a while: some only look like one.
  uint64_t lost_before(uint32_t sequence);

 private:
  static bool is_sane(int64_t time_ns, int64_t& last_ns, Timestamp arrival);

  int64_t last_sensor_ns_ = 0, last_buffer_ns_ = 0;
  Timestamp last_time_ = Timestamp::min();
  std::optional<uint32_t> last_sequence_;
  int rising_ = 0;  // how many frames in a row
};

// Exposure, gain (analogue × digital), colour temperature and lux; what is not a plausible number is unknown (0).
FrameMetadata checked_metadata(const FrameReport& report);

}  // namespace camweave::libcam
