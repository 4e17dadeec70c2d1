#include "capture/libcamera/controls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace camweave::libcam {
namespace {

constexpr size_t most_controls = 256;
constexpr double largest_zoom = 8;
constexpr int64_t mode_auto = 0, mode_manual = 1;

Mapping mapping_of(const CanonicalName* canonical) { return canonical ? canonical->mapping : Mapping::plain; }

// One number, or the element `at` of several.
std::optional<double> number_in(const DeviceValue& value, size_t at = 0) {
  if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value); real && std::isfinite(*real)) return *real;
  if (const auto* several = std::get_if<std::vector<double>>(&value); several && at < several->size())
    return (*several)[at];
  return std::nullopt;
}

double number_of(const ControlValue& value) {
  if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return 0;
}

bool is_on(const ControlValue& value) {
  if (const auto* on = std::get_if<bool>(&value)) return *on;
  const auto* option = std::get_if<std::string>(&value);
  return option && *option != "manual";
}

std::optional<ControlType> type_of(const DeviceControl& device, Mapping mapping) {
  switch (mapping) {
    case Mapping::auto_switch:
      return ControlType::boolean;
    case Mapping::start:
      return ControlType::action;
    case Mapping::first_of_two:
    case Mapping::second_of_two:
    case Mapping::frame_rate:
    case Mapping::zoom:
      return ControlType::real;
    case Mapping::plain:
      break;
  }
  if (device.is_array) return std::nullopt;  // windows, matrices: not for people
  switch (device.type) {
    case ValueType::boolean:
      return ControlType::boolean;
    case ValueType::integer:
      if (device.choices.size() == 1) return std::nullopt;  // nothing to choose
      return device.choices.empty() ? ControlType::integer : ControlType::enumeration;
    case ValueType::real:
      return ControlType::real;
    case ValueType::rectangle:
    case ValueType::other:
      return std::nullopt;
  }
  return std::nullopt;
}

ControlValue as_number(ControlType type, double number) {
  if (type == ControlType::integer) return static_cast<int64_t>(std::llround(number));
  return number;
}

}  // namespace

CameraControls::CameraControls(std::vector<DeviceControl> offered) {
  // The library's order is that of a hash table: by name it stays the same.
  std::ranges::sort(offered, {}, &DeviceControl::name);
  for (const DeviceControl& device : offered) {
    has_exposure_modes_ |= device.name == "ExposureTimeMode";
    has_gain_mode_ |= device.name == "AnalogueGainMode";
    if (is_hidden(device.name)) continue;
    const CanonicalName* canonical = canonical_name(device.name);
    do {
      add(device, canonical);
    } while (canonical && (canonical = canonical_name(device.name, canonical)));
  }
  for (Known& known : known_) {  // a partner that this camera doesn't have is none
    if (!find(known.schema.auto_partner)) known.schema.auto_partner.clear();
  }
}

void CameraControls::add(const DeviceControl& device, const CanonicalName* canonical) {
  const auto type = type_of(device, mapping_of(canonical));
  const std::string name = canonical ? canonical->name : own_name(device.name);
  if (!type || known_.size() >= most_controls || find(name)) return;
  Known known{device, canonical, {}};
  known.schema.name = name;
  known.schema.type = *type;
  known.schema.unit = canonical ? canonical->unit : "";
  known.schema.auto_partner = canonical ? canonical->auto_partner : "";
  if (!set_range(known)) return;
  known.schema.value = known.schema.default_value;
  known_.push_back(std::move(known));
}

// False for a control without a range: there is nothing to offer.
bool CameraControls::set_range(Known& known) const {
  Control& schema = known.schema;
  const DeviceControl& device = known.device;
  switch (schema.type) {
    case ControlType::action:
      schema.default_value = false;
      return true;
    case ControlType::boolean: {
      const auto* on = std::get_if<bool>(&device.default_value);
      schema.default_value = on ? *on : mapping_of(known.canonical) == Mapping::auto_switch;
      return true;
    }
    case ControlType::enumeration: {
      const auto name_of = [&](int64_t choice) {
        const auto known_name = device.choice_names.find(choice);
        return choice_name(device.name, choice, known_name == device.choice_names.end() ? "" : known_name->second);
      };
      for (const int64_t choice : device.choices) schema.options.push_back(name_of(choice));
      const auto* initial = std::get_if<int64_t>(&device.default_value);
      const bool offered = initial && std::ranges::find(device.choices, *initial) != device.choices.end();
      schema.default_value = name_of(offered ? *initial : device.choices.front());
      return true;
    }
    case ControlType::integer:
    case ControlType::real:
      break;
  }
  double least = number_in(device.min).value_or(0), most = number_in(device.max).value_or(0);
  double initial =
      number_in(device.default_value, mapping_of(known.canonical) == Mapping::second_of_two ? 1 : 0).value_or(least);
  if (mapping_of(known.canonical) == Mapping::frame_rate) {
    if (least <= 0 || most < least) return false;
    const auto rate_of = [](double duration_us) { return std::round(1e8 / duration_us) / 100; };
    std::tie(least, most) = std::pair(rate_of(most), rate_of(least));
    initial = most;
  } else if (mapping_of(known.canonical) == Mapping::zoom) {
    const auto* full = std::get_if<std::vector<double>>(&device.max);
    if (!full || full->size() != 4 || (*full)[2] < 2 || (*full)[3] < 2) return false;
    std::tie(least, most, initial) = std::tuple(1.0, largest_zoom, 1.0);
  }
  // One rate is worth telling; of anything else one value is nothing to choose.
  schema.read_only = mapping_of(known.canonical) == Mapping::frame_rate && most == least;
  if (!(most > least) && !schema.read_only) return false;
  schema.min = least;
  schema.max = most;
  schema.step = schema.type == ControlType::integer ? 1 : 0;
  schema.default_value = as_number(schema.type, std::clamp(initial, least, most));
  return true;
}

const CameraControls::Known* CameraControls::find(std::string_view name) const {
  const auto found =
      std::ranges::find(known_, name, [](const Known& known) -> std::string_view { return known.schema.name; });
  return found == known_.end() ? nullptr : &*found;
}

// The part of a frame's report that tells this control's value; nullptr: none.
std::optional<double> FrameReport::*CameraControls::report_of(std::string_view name) {
  if (name == "exposure_us") return &FrameReport::exposure_us;
  if (name == "gain") return &FrameReport::analogue_gain;
  if (name == "colour_temperature_k") return &FrameReport::colour_temperature_k;
  if (name == "lens_position") return &FrameReport::lens_position;
  return nullptr;
}

// What frames told of those that an automatic moves; else what was set, else the default.
ControlValue CameraControls::current(const Known& known) const {
  const auto part = report_of(known.schema.name);
  const std::optional<double> told = part ? last_.*part : std::nullopt;
  if (told && std::isfinite(*told) && *told > 0) return as_number(known.schema.type, *told);
  const auto was_set = set_.find(known.schema.name);
  return was_set == set_.end() ? known.schema.default_value : was_set->second;
}

std::vector<Control> CameraControls::read() const {
  MutexLock lock(mutex_);
  std::vector<Control> controls;
  for (const Known& known : known_) {
    Control control = known.schema;
    control.value = current(known);
    const Known* partner = find(control.auto_partner);
    if (partner && is_on(current(*partner))) {
      control.available = false;
      control.why = partner->schema.type == ControlType::enumeration
                        ? fmt::format("{} is {}", partner->schema.name, std::get<std::string>(current(*partner)))
                        : partner->schema.name + " is on";
    }
    if (mapping_of(known.canonical) == Mapping::start) {
      const Known* mode = find("focus_mode");
      control.available = !mode || current(*mode) == ControlValue(std::string("auto"));
      if (!control.available) control.why = "focus_mode is not auto";
    }
    controls.push_back(std::move(control));
  }
  return controls;
}

ControlValue CameraControls::clamped(const Known& known, const ControlValue& value) const {
  if (known.schema.type != ControlType::integer && known.schema.type != ControlType::real) return value;
  return as_number(known.schema.type, std::clamp(number_of(value), known.schema.min, known.schema.max));
}

double CameraControls::number_now(std::string_view name, double otherwise) const {
  const Known* known = find(name);
  return known ? number_of(current(*known)) : otherwise;
}

// Called with set_ holding the new values already: an array takes its other element from there.
void CameraControls::put(const Known& known, const ControlValue& value, DeviceValues& into) const {
  const std::string& name = known.device.name;
  switch (mapping_of(known.canonical)) {
    case Mapping::auto_switch: {
      const bool on = std::get<bool>(value);
      if (!has_exposure_modes_) {
        into[name] = on;
        return;
      }
      into["ExposureTimeMode"] = on ? mode_auto : mode_manual;
      if (has_gain_mode_) into["AnalogueGainMode"] = on ? mode_auto : mode_manual;
      return;
    }
    case Mapping::start:
      into[name] = int64_t{0};
      return;
    case Mapping::first_of_two:
    case Mapping::second_of_two:
      into[name] = std::vector{number_now("red_gain", 1), number_now("blue_gain", 1)};
      return;
    case Mapping::frame_rate: {
      const double duration_us = std::clamp(std::round(1e6 / number_of(value)), number_in(known.device.min).value_or(1),
                                            number_in(known.device.max).value_or(1e9));
      into[name] = std::vector{duration_us, duration_us};
      return;
    }
    case Mapping::zoom: {
      const auto full = std::get<std::vector<double>>(known.device.max);
      const double width = std::round(full[2] / number_of(value)), height = std::round(full[3] / number_of(value));
      into[name] = std::vector{full[0] + std::floor((full[2] - width) / 2),
                               full[1] + std::floor((full[3] - height) / 2), width, height};
      return;
    }
    case Mapping::plain:
      break;
  }
  if (known.schema.type == ControlType::enumeration) {
    const auto option = std::ranges::find(known.schema.options, std::get<std::string>(value));
    into[name] =
        known.device.choices[static_cast<size_t>(option - known.schema.options.begin()) % known.device.choices.size()];
  } else if (const auto* on = std::get_if<bool>(&value)) {
    into[name] = *on;
  } else if (known.device.type == ValueType::integer) {
    into[name] = static_cast<int64_t>(std::llround(number_of(value)));
  } else {
    into[name] = number_of(value);
  }
}

std::vector<DeviceValues> CameraControls::batches(const ControlValues& values) const {
  DeviceValues switches, rest;
  for (const auto& [name, value] : values) {
    const Known* known = find(name);
    if (known) put(*known, value, known->schema.auto_partner.empty() ? switches : rest);
  }
  std::vector<DeviceValues> batches;
  if (!switches.empty()) batches.push_back(std::move(switches));
  if (!rest.empty()) batches.push_back(std::move(rest));
  return batches;
}

std::vector<DeviceValues> CameraControls::set(const ControlValues& wanted, ControlValues& applied) {
  MutexLock lock(mutex_);
  ControlValues values;
  for (const auto& [name, value] : wanted) {
    const Known* known = find(name);
    if (!known) continue;
    values[name] = clamped(*known, value);
    if (known->schema.type == ControlType::action) continue;
    set_[name] = values[name];
    if (const auto part = report_of(name)) (last_.*part).reset();  // what the last frame said is of before
    // An automatic that takes over forgets what it was held to.
    if (!is_on(values[name])) continue;
    for (const Known& driven : known_) {
      if (driven.schema.auto_partner == name) set_.erase(driven.schema.name);
    }
  }
  applied = values;
  return batches(values);
}

std::vector<DeviceValues> CameraControls::reset() {
  MutexLock lock(mutex_);
  ControlValues defaults;
  for (const auto& [name, value] : set_) {
    const Known* known = find(name);
    const Known* partner = known ? find(known->schema.auto_partner) : nullptr;
    // What an automatic drives by default is left to it.
    if (known && !(partner && is_on(partner->schema.default_value))) defaults[name] = known->schema.default_value;
  }
  set_.clear();
  return batches(defaults);
}

std::vector<DeviceValues> CameraControls::all_set() const {
  MutexLock lock(mutex_);
  return batches(set_);
}

void CameraControls::note(const FrameReport& report) {
  MutexLock lock(mutex_);
  for (const Known& known : known_) {
    const auto part = report_of(known.schema.name);
    if (!part) continue;
    last_.*part = report.*part;
    if (report.*part) ever_.*part = report.*part;
  }
  reported_.notify_all();
}

void CameraControls::settle(ControlValues& applied, Timestamp deadline) const {
  constexpr double near = 0.1;
  MutexLock lock(mutex_);
  for (auto& [name, value] : applied) {
    const auto part = report_of(name);
    const Known* known = find(name);
    if (!part || !known || !(ever_.*part)) continue;
    const double wanted = number_of(value);
    const auto arrived = [&]() REQUIRES(mutex_) {
      return (last_.*part) && std::abs(*(last_.*part) - wanted) <= near * std::abs(wanted);
    };
    while (!arrived() && reported_.wait_until(mutex_, deadline) == std::cv_status::no_timeout) {
    }
    if (arrived()) value = as_number(known->schema.type, *(last_.*part));
  }
}

int CameraControls::fps_milli() const {
  MutexLock lock(mutex_);
  const Known* known = find("frame_rate");
  return known ? static_cast<int>(std::lround(number_of(current(*known)) * 1000)) : 0;
}

std::chrono::nanoseconds CameraControls::shortest_frame() const {
  const int rate = fps_milli();
  return std::chrono::nanoseconds(rate > 0 ? 1'000'000'000'000 / rate : 0);
}

}  // namespace camweave::libcam
