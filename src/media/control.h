// The one typed control schema of every camera (docs/reference/controls.md). Both sides of the IPC use it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace camweave {

// bool, whole number, real number, or an enum's option name. An action's value is `true`: do it.
using ControlValue = std::variant<bool, int64_t, double, std::string>;
using ControlValues = std::map<std::string, ControlValue, std::less<>>;

enum class ControlType { boolean, integer, real, enumeration, action };
const char* to_string(ControlType type);  // "bool", "int", "float", "enum", "action": the API's words

struct Control {
  std::string name;                  // canonical where there is one: exposure_us, gain, auto_exposure, …
  ControlType type = ControlType::integer;
  std::string unit;                  // "us", "K", "x", "ms", "" for none
  double min = 0, max = 0, step = 0; // int and float
  std::vector<std::string> options;  // enum
  ControlValue default_value;
  ControlValue value;
  std::string auto_partner;          // the control that, when on, drives this one: "auto_exposure"
  bool read_only = false;
  bool available = true;             // false: `why` says why it can't be set now
  std::string why;
  bool operator==(const Control&) const = default;
};

struct ControlError {
  std::string name;
  std::string message;  // "exposure_us must be >= 100"
  std::string type;     // for the 422: "not_found", "wrong_type", "less_than_equal", "greater_than_equal", "enum", "unavailable"
};

// What a set did: all or nothing. `applied` holds the values that the device took (rounded, clamped by its steps).
struct ControlOutcome {
  ControlValues applied;
  std::vector<ControlError> errors;  // non-empty: nothing was changed
};

// Checks values against the schema: unknown names, wrong types, ranges, options, read-only or unavailable ones.
// An unavailable control whose auto partner is switched off (false, or the option "manual") in the same request is fine. Integers are accepted for reals.
std::vector<ControlError> check_controls(const std::vector<Control>& schema, const ControlValues& wanted);

// Values that somebody wrote down to hold at a start: where one is driven by an automatic that `values` doesn't name, the
// automatic is switched off in `values`, or it would overrule what was written.
void switch_off_autos(const std::vector<Control>& schema, ControlValues& values);

const Control* find_control(const std::vector<Control>& schema, std::string_view name);

}  // namespace camweave
