#include "control/camera_control/exposure_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace camweave {
namespace {

constexpr double most_gain = 16.0;  // of the API, whatever the camera could do

bool is_factor(const Control& gain) { return gain.unit == "x"; }

// 16.0 and not 16: clients of this API know gains as real numbers.
std::string real_text(double value) { return nlohmann::json(value).dump(); }

void switch_off_partner(const Control& control, const std::vector<Control>& schema, ControlValues& values) {
  const Control* partner = find_control(schema, control.auto_partner);
  if (!partner || partner->read_only) return;
  values[partner->name] =
      partner->type == ControlType::enumeration ? ControlValue(std::string("manual")) : ControlValue(false);
}

}  // namespace

Result<ExposureLimits> exposure_limits(const std::vector<Control>& schema) {
  const Control* exposure = find_control(schema, "exposure_us");
  if (!exposure) return Error{ErrorCode::unsupported, "exposure_us is not a control of this camera"};
  ExposureLimits limits{std::llround(std::ceil(exposure->min)), std::llround(std::floor(exposure->max)), {}};
  if (const Control* gain = find_control(schema, "gain"); gain && is_factor(*gain)) {
    limits.gain = {gain->min, std::min(gain->max, most_gain)};
  }
  return limits;
}

std::string beyond_limits(const ManualExposure& wanted, const ExposureLimits& limits) {
  if (wanted.exposure_us < limits.least_us) return fmt::format("exposure_us must be >= {}", limits.least_us);
  if (wanted.exposure_us > limits.most_us) return fmt::format("exposure_us must be <= {}", limits.most_us);
  if (!limits.gain || !wanted.gain) return "";
  if (*wanted.gain < limits.gain->least) return "gain must be >= " + real_text(limits.gain->least);
  if (*wanted.gain > limits.gain->most) return "gain must be <= " + real_text(limits.gain->most);
  return "";
}

std::string not_positive(const ManualExposure& wanted) {
  if (wanted.exposure_us <= 0) return "exposure_us must be > 0";
  if (wanted.gain && !(*wanted.gain > 0)) return "gain must be > 0";
  return "";
}

ManualExposure clamped(ManualExposure wanted, const ExposureLimits& limits) {
  wanted.exposure_us = std::clamp(wanted.exposure_us, limits.least_us, std::max(limits.least_us, limits.most_us));
  if (limits.gain && wanted.gain) {
    wanted.gain = std::clamp(*wanted.gain, limits.gain->least, std::max(limits.gain->least, limits.gain->most));
  }
  return wanted;
}

Result<ControlValues> exposure_values(const ManualExposure& wanted, const std::vector<Control>& schema) {
  ControlValues values;
  const Control* exposure = find_control(schema, "exposure_us");
  if (!exposure) return Error{ErrorCode::unsupported, "exposure_us is not a control of this camera"};
  if (const Control* automatic = find_control(schema, "auto_exposure"); automatic && !automatic->read_only) {
    values["auto_exposure"] = false;
  }
  switch_off_partner(*exposure, schema, values);
  values["exposure_us"] = wanted.exposure_us;
  const Control* gain = find_control(schema, "gain");
  if (!gain) {
    if (!wanted.gain || *wanted.gain == 1) return values;
    return Error{ErrorCode::unsupported, "gain is not a control of this camera"};
  }
  if (!wanted.gain && !is_factor(*gain)) return values;
  switch_off_partner(*gain, schema, values);
  const double factor = wanted.gain.value_or(std::max(1.0, gain->min));
  values["gain"] = gain->type == ControlType::integer ? ControlValue(int64_t{std::llround(factor)}) : factor;
  return values;
}

}  // namespace camweave
