// PatternControls: the pattern camera's control schema and its values. Pure. Thread-bound: the camera locks it.
#pragma once

#include <vector>

#include "capture/pattern/scene.h"
#include "capture/pattern/sensor.h"
#include "media/control.h"

namespace camweave::pattern {

struct PatternSettings {
  Kind kind = Kind::bars;
  bool flip_h = false, flip_v = false;
  SensorSettings sensor;
};

// What the automatic loops chose last: shown as the value of the controls that they drive.
struct SensorReading {
  int64_t exposure_us = 0;
  double gain = 1;
  int64_t colour_temperature_k = 0;
};

std::vector<Control> schema_of(const PatternSettings& settings, const PatternSettings& defaults,
                               const SensorReading& reading);

// `values` passed check_controls. Switching an automatic off freezes what it had reached. True where `flash` was asked
// for.
bool apply_values(const ControlValues& values, const SensorReading& reading, PatternSettings& settings);

}  // namespace camweave::pattern
