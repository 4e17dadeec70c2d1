#include "capture/libcamera/frame_check.h"

#include <cmath>
#include <utility>

namespace camweave::libcam {
namespace {

using namespace std::chrono_literals;

constexpr auto oldest = 10s;        // an exposure of some seconds, and the way through the pipeline
constexpr auto most_ahead = 100ms;  // a sensor may stamp the exposure's end, which the clock has not reached yet
constexpr uint32_t largest_gap = 10'000;
constexpr int rising_before_trust = 8;

float within(const std::optional<double>& value, double least, double most) {
  return value && std::isfinite(*value) && *value >= least && *value <= most ? static_cast<float>(*value) : 0.0F;
}

}  // namespace

bool FrameCheck::is_sane(int64_t time_ns, int64_t& last_ns, Timestamp arrival) {
  const bool risen = time_ns > std::exchange(last_ns, time_ns);
  return risen && time_ns > to_nanoseconds(arrival - oldest) && time_ns < to_nanoseconds(arrival + most_ahead);
}

Timestamp FrameCheck::capture_time(const FrameReport& report, Timestamp arrival) {
  const bool buffer_sane = is_sane(report.timestamp_ns, last_buffer_ns_, arrival);
  Timestamp time = arrival;
  if (report.sensor_timestamp_ns && is_sane(*report.sensor_timestamp_ns, last_sensor_ns_, arrival)) {
    time = from_nanoseconds(*report.sensor_timestamp_ns);
  } else if (buffer_sane) {
    time = from_nanoseconds(report.timestamp_ns);
  }
  if (time <= last_time_) time = last_time_ + 1us;
  last_time_ = time;
  return time;
}

uint64_t FrameCheck::lost_before(uint32_t sequence) {
  const uint32_t step = last_sequence_ ? sequence - *last_sequence_ : 0;  // wraps as the counter does
  last_sequence_ = sequence;
  if (step == 0 || step >= largest_gap) {
    rising_ = 0;
    return 0;
  }
  if (rising_ < rising_before_trust) {
    ++rising_;
    return 0;
  }
  return step - 1;
}

FrameMetadata checked_metadata(const FrameReport& report) {
  FrameMetadata metadata;
  if (report.exposure_us && *report.exposure_us >= 1 && *report.exposure_us <= 1e9) {
    metadata.exposure_us = static_cast<uint32_t>(std::lround(*report.exposure_us));
  }
  const float analogue = within(report.analogue_gain, 0.01, 10'000);
  // Unset means that there is none; a wrong one spoils the product.
  const float digital = report.digital_gain ? within(report.digital_gain, 0.01, 10'000) : 1.0F;
  metadata.gain = analogue * digital;
  metadata.colour_temperature_k = within(report.colour_temperature_k, 500, 100'000);
  metadata.lux = within(report.lux, 0, 1e7);
  return metadata;
}

}  // namespace camweave::libcam
