// Sensor: how the pretended sensor sees its scene: an exposure loop, gain, white balance, and what they do to colours.
// Pure but for its state; time comes in. Thread-bound.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "media/metadata.h"

namespace camweave::pattern {

struct Rgb {
  uint8_t r = 0, g = 0, b = 0;
  bool operator==(const Rgb&) const = default;
};

inline constexpr int64_t least_exposure_us = 100;
inline constexpr int64_t most_exposure_us = 1'000'000;
inline constexpr double least_gain = 1.0, most_gain = 16.0;
inline constexpr int least_temperature_k = 2000, most_temperature_k = 10000;

// What users set.
struct SensorSettings {
  bool auto_exposure = true;
  int64_t exposure_us = 8'000;  // while auto_exposure is off
  double gain = 1.0;            // while auto_exposure is off
  double exposure_value = 0;    // EV, of the automatic exposure
  bool auto_white_balance = true;
  int64_t colour_temperature_k = 5000;  // while auto_white_balance is off
  double brightness = 0, contrast = 1, saturation = 1;
  bool operator==(const SensorSettings&) const = default;
};

class Sensor {
 public:
  // `frame_interval` bounds the automatic exposure, as in a real sensor.
  explicit Sensor(std::chrono::nanoseconds frame_interval);

  // Lets time pass: the automatic loops move towards their aims (95 % of the way in 0.5 s) and stand still once there.
  void advance(std::chrono::nanoseconds passed, const SensorSettings& settings);
  // The scene is four times as bright for 0.3 s.
  void flash();

  FrameMetadata metadata() const;
  int64_t exposure_us() const { return exposure_us_; }
  double gain() const { return gain_; }
  int64_t colour_temperature_k() const;

  // A colour of the scene as the sensor gives it now.
  Rgb develop(Rgb scene) const;
  // Changes whenever develop() does.
  uint64_t state() const { return state_; }

 private:
  void advance_exposure(double share, const SensorSettings& settings);
  void advance_white_balance(double share, const SensorSettings& settings);
  void update_look(const SensorSettings& settings);
  double lux() const;

  const double most_auto_exposure_us_;
  double light_ = 0;  // exposure × gain, in µs
  int64_t exposure_us_ = 0;
  double gain_ = 1;
  double temperature_k_ = 0;
  std::chrono::nanoseconds flash_left_{};
  uint64_t state_ = 0;

  struct Look {
    std::array<float, 3> channel_gain{1, 1, 1};
    float offset = 0, contrast = 1, saturation = 1;
    bool operator==(const Look&) const = default;
  } look_;
};

}  // namespace camweave::pattern
