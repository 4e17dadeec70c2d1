// FrameMetadata: what the sensor says of one frame. Travels with it to every output. 0 and empty mean unknown.
#pragma once

#include <cstdint>

namespace camweave {

struct FrameMetadata {
  uint32_t exposure_us = 0;           // exposure time
  float gain = 0;                     // analogue gain, 1.0 = none
  float colour_temperature_k = 0;     // estimated by white balance
  float lux = 0;                      // estimated light at the scene
  bool operator==(const FrameMetadata&) const = default;
};

}  // namespace camweave
