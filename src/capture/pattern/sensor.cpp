#include "capture/pattern/sensor.h"

#include <algorithm>
#include <cmath>

namespace camweave::pattern {
namespace {

constexpr double scene_lux = 500;
constexpr double scene_temperature_k = 5000;
constexpr double right_light_us = 8'000;  // exposure × gain that shows the scene in its nominal colours at scene_lux
constexpr double flash_factor = 4;
constexpr std::chrono::milliseconds flash_time(300);
constexpr std::chrono::duration<double> time_constant(0.17);
constexpr double close_enough = 0.005;
constexpr double gamma = 2.2;

double approach(double value, double aim, double share) {
  const double next = value * std::pow(aim / value, share);
  return std::abs(next / aim - 1) < close_enough ? aim : next;
}

uint8_t to_level(float value) { return static_cast<uint8_t>(std::clamp(value, 0.0F, 255.0F) + 0.5F); }

}  // namespace

Sensor::Sensor(std::chrono::nanoseconds frame_interval)
    : most_auto_exposure_us_(std::clamp(std::chrono::duration<double, std::micro>(frame_interval).count(),
                                        static_cast<double>(least_exposure_us), static_cast<double>(most_exposure_us))),
      light_(right_light_us * 0.4),  // a stop too dark, as cameras begin
      temperature_k_(4000) {
  advance(std::chrono::nanoseconds::zero(), {});
}

double Sensor::lux() const { return flash_left_ > flash_left_.zero() ? scene_lux * flash_factor : scene_lux; }

void Sensor::flash() { flash_left_ = flash_time; }

void Sensor::advance(std::chrono::nanoseconds passed, const SensorSettings& settings) {
  const double share = 1 - std::exp(-std::chrono::duration<double>(passed) / time_constant);
  flash_left_ = std::max(flash_left_ - passed, flash_left_.zero());
  advance_exposure(share, settings);
  advance_white_balance(share, settings);
  update_look(settings);
}

void Sensor::advance_exposure(double share, const SensorSettings& settings) {
  if (!settings.auto_exposure) {
    exposure_us_ = settings.exposure_us;
    gain_ = settings.gain;
    light_ = static_cast<double>(exposure_us_) * gain_;
    return;
  }
  const double aim = right_light_us * scene_lux / lux() * std::exp2(settings.exposure_value);
  light_ = approach(light_, std::clamp(aim, static_cast<double>(least_exposure_us), most_auto_exposure_us_ * most_gain),
                    share);
  // Time first, then gain: less noise.
  const double exposure = std::clamp(light_, static_cast<double>(least_exposure_us), most_auto_exposure_us_);
  exposure_us_ = std::llround(exposure);
  gain_ = std::clamp(light_ / exposure, least_gain, most_gain);
}

void Sensor::advance_white_balance(double share, const SensorSettings& settings) {
  temperature_k_ = settings.auto_white_balance ? approach(temperature_k_, scene_temperature_k, share)
                                               : static_cast<double>(settings.colour_temperature_k);
}

void Sensor::update_look(const SensorSettings& settings) {
  const double light = static_cast<double>(exposure_us_) * gain_ * lux() / (right_light_us * scene_lux);
  const double level = std::pow(light, 1 / gamma);
  // Balanced for bluer light than there is, the picture turns warm.
  const double warmth = std::sqrt(temperature_k_ / scene_temperature_k);
  const Look look{{static_cast<float>(level * warmth), static_cast<float>(level), static_cast<float>(level / warmth)},
                  static_cast<float>(settings.brightness * 255),
                  static_cast<float>(settings.contrast),
                  static_cast<float>(settings.saturation)};
  if (look == look_ && state_ != 0) return;
  look_ = look;
  ++state_;
}

int64_t Sensor::colour_temperature_k() const { return std::llround(temperature_k_); }

FrameMetadata Sensor::metadata() const {
  return {static_cast<uint32_t>(exposure_us_), static_cast<float>(gain_), static_cast<float>(temperature_k_),
          static_cast<float>(lux())};
}

Rgb Sensor::develop(Rgb scene) const {
  const auto clip = [](float value) { return std::clamp(value, 0.0F, 255.0F); };
  float r = clip(static_cast<float>(scene.r) * look_.channel_gain[0]);
  float g = clip(static_cast<float>(scene.g) * look_.channel_gain[1]);
  float b = clip(static_cast<float>(scene.b) * look_.channel_gain[2]);
  const float luma = 0.299F * r + 0.587F * g + 0.114F * b;
  const auto process = [&](float value) {
    const float saturated = luma + (value - luma) * look_.saturation;
    return to_level((saturated - 128) * look_.contrast + 128 + look_.offset);
  };
  return {process(r), process(g), process(b)};
}

}  // namespace camweave::pattern
