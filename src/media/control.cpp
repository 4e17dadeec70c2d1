#include "media/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace camweave {

const char* to_string(ControlType type) {
  switch (type) {
    case ControlType::boolean: return "bool";
    case ControlType::integer: return "int";
    case ControlType::real: return "float";
    case ControlType::enumeration: return "enum";
    case ControlType::action: return "action";
  }
  return "int";
}

const Control* find_control(const std::vector<Control>& schema, std::string_view name) {
  const auto found = std::ranges::find(schema, name, &Control::name);
  return found == schema.end() ? nullptr : &*found;
}

namespace {

std::optional<double> as_number(const ControlValue& value) {
  if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

std::optional<ControlError> check_number(const Control& control, const ControlValue& value) {
  const auto number = as_number(value);
  const bool whole_wanted = control.type == ControlType::integer;
  if (!number || !std::isfinite(*number) || (whole_wanted && *number != std::floor(*number))) {
    return ControlError{control.name, fmt::format("{} must be a {}number", control.name, whole_wanted ? "whole " : ""),
                        "wrong_type"};
  }
  if (*number < control.min) {
    return ControlError{control.name, fmt::format("{} must be >= {:g}", control.name, control.min), "greater_than_equal"};
  }
  if (*number > control.max) {
    return ControlError{control.name, fmt::format("{} must be <= {:.10g}", control.name, control.max), "less_than_equal"};
  }
  return std::nullopt;
}

std::optional<ControlError> check_option(const Control& control, const ControlValue& value) {
  const auto* option = std::get_if<std::string>(&value);
  if (option && std::ranges::find(control.options, *option) != control.options.end()) return std::nullopt;
  return ControlError{control.name,
                      fmt::format("{} must be one of {}", control.name, fmt::join(control.options, ", ")),
                      option ? "enum" : "wrong_type"};
}

std::optional<ControlError> check_value(const Control& control, const ControlValue& value) {
  switch (control.type) {
    case ControlType::integer:
    case ControlType::real: return check_number(control, value);
    case ControlType::enumeration: return check_option(control, value);
    case ControlType::boolean:
      if (std::holds_alternative<bool>(value)) return std::nullopt;
      return ControlError{control.name, control.name + " must be true or false", "wrong_type"};
    case ControlType::action:
      if (const auto* go = std::get_if<bool>(&value); go && *go) return std::nullopt;
      return ControlError{control.name, control.name + " is an action: send true to run it", "wrong_type"};
  }
  return std::nullopt;
}

bool freed_in_same_request(const Control& control, const ControlValues& wanted) {
  if (control.auto_partner.empty()) return false;
  const auto partner = wanted.find(control.auto_partner);
  if (partner == wanted.end()) return false;
  if (const auto* on = std::get_if<bool>(&partner->second)) return !*on;
  const auto* mode = std::get_if<std::string>(&partner->second);
  return mode && *mode == "manual";
}

}  // namespace

std::vector<ControlError> check_controls(const std::vector<Control>& schema, const ControlValues& wanted) {
  std::vector<ControlError> errors;
  for (const auto& [name, value] : wanted) {
    const Control* control = find_control(schema, name);
    if (!control) {
      errors.push_back({name, name + " is not a control of this camera", "not_found"});
    } else if (control->read_only) {
      errors.push_back({name, name + " is read-only", "unavailable"});
    } else if (!control->available && !freed_in_same_request(*control, wanted)) {
      errors.push_back({name, fmt::format("{} can't be set now: {}", name, control->why), "unavailable"});
    } else if (auto error = check_value(*control, value)) {
      errors.push_back(std::move(*error));
    }
  }
  return errors;
}

void switch_off_autos(const std::vector<Control>& schema, ControlValues& values) {
  ControlValues autos;
  for (const auto& [name, value] : values) {
    const Control* control = find_control(schema, name);
    if (!control || control->auto_partner.empty() || values.contains(control->auto_partner)) continue;
    const Control* partner = find_control(schema, control->auto_partner);
    if (!partner) continue;
    autos[partner->name] = partner->type == ControlType::enumeration ? ControlValue(std::string("manual")) : ControlValue(false);
  }
  values.merge(autos);
}

}  // namespace camweave
