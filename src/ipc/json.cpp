#include "ipc/json.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "ipc/field_reader.h"

namespace camweave::ipc {
namespace {

using nlohmann::json;

constexpr size_t max_controls = 512;
constexpr size_t max_control_options = 256;
constexpr size_t max_control_values = 512;
constexpr double largest_exact_integer = 9007199254740992.0;  // 2^53

// Whole numbers without a decimal point, so that an int control's range reads as one.
json number_to_json(double number) {
  if (number == std::floor(number) && std::abs(number) <= largest_exact_integer) return static_cast<int64_t>(number);
  return number;
}

bool is_number_of(ControlType type) { return type == ControlType::integer || type == ControlType::real; }

std::optional<ControlType> parse_control_type(std::string_view name) {
  for (const ControlType type :
       {ControlType::boolean, ControlType::integer, ControlType::real, ControlType::enumeration, ControlType::action}) {
    if (name == to_string(type)) return type;
  }
  return std::nullopt;
}

// The value as its control's type wants it; JSON writes 2 for the real number 2.0.
bool fits_type(ControlType type, ControlValue& value) {
  switch (type) {
    case ControlType::boolean:
    case ControlType::action:
      return std::holds_alternative<bool>(value);
    case ControlType::integer:
      return std::holds_alternative<int64_t>(value);
    case ControlType::enumeration:
      return std::holds_alternative<std::string>(value);
    case ControlType::real:
      if (const auto* whole = std::get_if<int64_t>(&value)) value = static_cast<double>(*whole);
      return std::holds_alternative<double>(value);
  }
  return false;
}

ControlValue read_value(FieldReader& fields, std::string_view name, ControlType type) {
  const json* member = fields.member(name);
  if (!member) return {};
  auto value = control_value_from_json(*member);
  if (!value) {
    fields.fail(name, value.error().message);
    return {};
  }
  if (!fits_type(type, *value)) fields.fail(name, fmt::format("doesn't fit the type {}", to_string(type)));
  return *std::move(value);
}

std::vector<std::string> read_options(FieldReader& fields) {
  std::vector<std::string> options;
  const json* list = fields.array("options", max_control_options);
  if (!list) return options;
  for (const json& option : *list) {
    if (!option.is_string() || option.get_ref<const std::string&>().size() > FieldReader::max_name_bytes) {
      fields.fail("options", "must be short strings");
      return {};
    }
    options.push_back(option.get<std::string>());
  }
  return options;
}

Result<Control> control_from_json(const json& object) {
  FieldReader fields(object, "control");
  Control control;
  control.name = fields.name("name");
  const auto type = parse_control_type(fields.name("type"));
  if (!type) fields.fail("type", "is no control type");
  if (auto error = fields.error()) return *std::move(error);
  control.type = *type;
  control.unit = fields.optional_text("unit");
  if (is_number_of(control.type)) {
    control.min = fields.real("min");
    control.max = fields.real("max");
    control.step = fields.real("step");
    if (!(control.min <= control.max) || !(control.step >= 0)) fields.fail("min", "must not be above max");
  }
  if (control.type == ControlType::enumeration) control.options = read_options(fields);
  control.default_value = read_value(fields, "default", control.type);
  control.value = read_value(fields, "value", control.type);
  control.auto_partner = fields.optional_text("auto_partner");
  control.read_only = fields.boolean("read_only");
  control.available = fields.boolean("available");
  control.why = fields.optional_text("why");
  if (auto error = fields.error()) return *std::move(error);
  return control;
}

}  // namespace

json to_json(const ControlValue& value) {
  return std::visit([](const auto& v) { return json(v); }, value);
}

json to_json(const ControlValues& values) {
  json object = json::object();
  for (const auto& [name, value] : values) object[name] = to_json(value);
  return object;
}

json to_json(const Control& control) {
  json object{{"name", control.name},
              {"type", to_string(control.type)},
              {"unit", control.unit},
              {"default", to_json(control.default_value)},
              {"value", to_json(control.value)},
              {"auto_partner", control.auto_partner},
              {"read_only", control.read_only},
              {"available", control.available},
              {"why", control.why}};
  if (is_number_of(control.type)) {
    object["min"] = number_to_json(control.min);
    object["max"] = number_to_json(control.max);
    object["step"] = number_to_json(control.step);
  }
  if (control.type == ControlType::enumeration) object["options"] = control.options;
  return object;
}

json to_json(const std::vector<Control>& controls) {
  json list = json::array();
  for (const Control& control : controls) list.push_back(to_json(control));
  return list;
}

json to_json(const Mode& mode) {
  return {{"format", to_string(mode.format)},
          {"width", mode.size.width},
          {"height", mode.size.height},
          {"fps", number_to_json(mode.fps_milli / 1000.0)}};
}

Result<ControlValue> control_value_from_json(const json& value) {
  if (value.is_boolean()) return ControlValue(value.get<bool>());
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return Error{ErrorCode::protocol, "a control's value is too large"};
  }
  if (value.is_number_integer()) return ControlValue(value.get<int64_t>());
  if (value.is_number_float() && std::isfinite(value.get<double>())) return ControlValue(value.get<double>());
  if (value.is_string() && value.get_ref<const std::string&>().size() <= FieldReader::max_text_bytes) {
    return ControlValue(value.get<std::string>());
  }
  return Error{ErrorCode::protocol, "a control's value must be true or false, a number or a short string"};
}

Result<ControlValues> control_values_from_json(const json& object) {
  if (!object.is_object()) return Error{ErrorCode::protocol, "control values must be an object"};
  if (object.size() > max_control_values) return Error{ErrorCode::exhausted, "too many control values"};
  ControlValues values;
  for (const auto& [name, member] : object.items()) {
    if (name.empty() || name.size() > FieldReader::max_name_bytes) {
      return Error{ErrorCode::protocol, "a control's name is empty or too long"};
    }
    auto value = control_value_from_json(member);
    if (!value) return Error{value.error().code, fmt::format("{}: {}", name, value.error().message)};
    values.emplace(name, *std::move(value));
  }
  return values;
}

Result<std::vector<Control>> controls_from_json(const json& list) {
  if (!list.is_array()) return Error{ErrorCode::protocol, "controls must be an array"};
  if (list.size() > max_controls) return Error{ErrorCode::exhausted, "more than 512 controls"};
  std::vector<Control> controls;
  for (const json& item : list) {
    auto control = control_from_json(item);
    if (!control) return control.error();
    if (find_control(controls, control->name)) {
      return Error{ErrorCode::protocol, fmt::format("control {} is there twice", control->name)};
    }
    controls.push_back(*std::move(control));
  }
  return controls;
}

}  // namespace camweave::ipc
