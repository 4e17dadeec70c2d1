#include "capture/pattern/pattern_controls.h"

namespace camweave::pattern {
namespace {

Control switch_control(const char* name, bool value, bool default_value) {
  Control control;
  control.name = name;
  control.type = ControlType::boolean;
  control.value = value;
  control.default_value = default_value;
  return control;
}

Control whole_control(const char* name, const char* unit, int64_t min, int64_t max, int64_t value,
                      int64_t default_value) {
  Control control;
  control.name = name;
  control.type = ControlType::integer;
  control.unit = unit;
  control.min = static_cast<double>(min);
  control.max = static_cast<double>(max);
  control.step = 1;
  control.value = value;
  control.default_value = default_value;
  return control;
}

Control real_control(const char* name, const char* unit, double min, double max, double step, double value,
                     double default_value) {
  Control control;
  control.name = name;
  control.type = ControlType::real;
  control.unit = unit;
  control.min = min;
  control.max = max;
  control.step = step;
  control.value = value;
  control.default_value = default_value;
  return control;
}

Control driven_by(Control control, const char* partner, bool partner_on) {
  control.auto_partner = partner;
  control.available = !partner_on;
  if (partner_on) control.why = std::string(partner) + " is on";
  return control;
}

double number_of(const ControlValue& value) {
  if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  const auto* real = std::get_if<double>(&value);
  return real ? *real : 0;
}
int64_t whole_of(const ControlValue& value) { return static_cast<int64_t>(number_of(value)); }
bool is_on(const ControlValue& value) {
  const auto* on = std::get_if<bool>(&value);
  return on && *on;
}

void apply_value(std::string_view name, const ControlValue& value, PatternSettings& settings) {
  SensorSettings& sensor = settings.sensor;
  if (name == "exposure_us") sensor.exposure_us = whole_of(value);
  if (name == "gain") sensor.gain = number_of(value);
  if (name == "exposure_value") sensor.exposure_value = number_of(value);
  if (name == "colour_temperature_k") sensor.colour_temperature_k = whole_of(value);
  if (name == "brightness") sensor.brightness = number_of(value);
  if (name == "contrast") sensor.contrast = number_of(value);
  if (name == "saturation") sensor.saturation = number_of(value);
  if (name == "flip_h") settings.flip_h = is_on(value);
  if (name == "flip_v") settings.flip_v = is_on(value);
  if (name == "pattern") {
    if (const auto* option = std::get_if<std::string>(&value))
      settings.kind = parse_kind(*option).value_or(settings.kind);
  }
}

}  // namespace

std::vector<Control> schema_of(const PatternSettings& settings, const PatternSettings& defaults,
                               const SensorReading& reading) {
  const SensorSettings& now = settings.sensor;
  const SensorSettings& first = defaults.sensor;
  Control pattern;
  pattern.name = "pattern";
  pattern.type = ControlType::enumeration;
  pattern.options = kind_names();
  pattern.value = std::string(to_string(settings.kind));
  pattern.default_value = std::string(to_string(defaults.kind));
  Control flash;
  flash.name = "flash";
  flash.type = ControlType::action;
  flash.value = flash.default_value = false;

  return {
      switch_control("auto_exposure", now.auto_exposure, first.auto_exposure),
      driven_by(whole_control("exposure_us", "us", least_exposure_us, most_exposure_us,
                              now.auto_exposure ? reading.exposure_us : now.exposure_us, first.exposure_us),
                "auto_exposure", now.auto_exposure),
      driven_by(real_control("gain", "x", least_gain, most_gain, 0.01, now.auto_exposure ? reading.gain : now.gain,
                             first.gain),
                "auto_exposure", now.auto_exposure),
      real_control("exposure_value", "EV", -4, 4, 0.1, now.exposure_value, first.exposure_value),
      switch_control("auto_white_balance", now.auto_white_balance, first.auto_white_balance),
      driven_by(whole_control("colour_temperature_k", "K", least_temperature_k, most_temperature_k,
                              now.auto_white_balance ? reading.colour_temperature_k : now.colour_temperature_k,
                              first.colour_temperature_k),
                "auto_white_balance", now.auto_white_balance),
      real_control("brightness", "", -1, 1, 0.01, now.brightness, first.brightness),
      real_control("contrast", "", 0, 2, 0.01, now.contrast, first.contrast),
      real_control("saturation", "", 0, 2, 0.01, now.saturation, first.saturation),
      switch_control("flip_h", settings.flip_h, defaults.flip_h),
      switch_control("flip_v", settings.flip_v, defaults.flip_v),
      std::move(pattern),
      std::move(flash),
  };
}

bool apply_values(const ControlValues& values, const SensorReading& reading, PatternSettings& settings) {
  SensorSettings& sensor = settings.sensor;
  // The automatics first: a value that is set in the same request then stands.
  if (const auto wanted = values.find("auto_exposure"); wanted != values.end()) {
    if (sensor.auto_exposure && !is_on(wanted->second)) {
      sensor.exposure_us = reading.exposure_us;
      sensor.gain = reading.gain;
    }
    sensor.auto_exposure = is_on(wanted->second);
  }
  if (const auto wanted = values.find("auto_white_balance"); wanted != values.end()) {
    if (sensor.auto_white_balance && !is_on(wanted->second)) sensor.colour_temperature_k = reading.colour_temperature_k;
    sensor.auto_white_balance = is_on(wanted->second);
  }
  for (const auto& [name, value] : values) apply_value(name, value, settings);
  const auto flash = values.find("flash");
  return flash != values.end() && is_on(flash->second);
}

}  // namespace camweave::pattern
