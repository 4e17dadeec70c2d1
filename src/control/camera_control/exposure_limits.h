// What a camera's controls take for a manual exposure, and the requests that go beyond it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/camera_control/control_body.h"
#include "media/control.h"

namespace camweave {

struct ExposureLimits {
  int64_t least_us = 0, most_us = 0;
  // None: the camera's gain has its own scale, or it has none; then only a gain that was asked for is set.
  struct Gain {
    double least = 1, most = 16;
  };
  std::optional<Gain> gain;
};

// `unsupported` where the camera has no exposure_us.
Result<ExposureLimits> exposure_limits(const std::vector<Control>& schema);

// "exposure_us must be >= 100": the first limit that is broken; "" none.
std::string beyond_limits(const ManualExposure& wanted, const ExposureLimits& limits);
// The older API's only limit: "exposure_us must be > 0".
std::string not_positive(const ManualExposure& wanted);
// The nearest that the camera takes.
ManualExposure clamped(ManualExposure wanted, const ExposureLimits& limits);

// What is to be set for it: the automatics that hold exposure and gain off, then the values. `unsupported` where a gain
// was asked for that the camera doesn't have.
Result<ControlValues> exposure_values(const ManualExposure& wanted, const std::vector<Control>& schema);

}  // namespace camweave
