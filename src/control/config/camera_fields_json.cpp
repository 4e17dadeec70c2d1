#include "control/config/camera_fields_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/config/fields.h"
#include "control/config/nearest_name.h"

namespace camweave {
namespace {

using nlohmann::json;

// A table with one member, "value", as the fields' readers want it; none for JSON that TOML has no word for.
std::optional<toml::table> as_toml(const json& value) {
  if (value.is_boolean()) return toml::table{{"value", value.get<bool>()}};
  if (value.is_number_integer()) return toml::table{{"value", value.get<int64_t>()}};
  if (value.is_number()) return toml::table{{"value", value.get<double>()}};
  if (value.is_string()) return toml::table{{"value", value.get<std::string>()}};
  if (!value.is_object()) return std::nullopt;
  toml::table table;
  for (const auto& [name, member] : value.items()) {
    if (member.is_structured()) return std::nullopt;
    auto inner = as_toml(member);
    if (!inner) return std::nullopt;
    table.insert(name, std::move(*inner->get("value")));
  }
  toml::table outer;
  outer.insert("value", std::move(table));
  return outer;
}

}  // namespace

std::optional<FieldProblem> set_camera_fields(const json& object, CameraConfig& camera) {
  if (!object.is_object()) return FieldProblem{"", "the body must be a JSON object"};
  const auto fields = camera_fields();
  for (const auto& [key, value] : object.items()) {
    const auto field = std::ranges::find(fields, key, &Field<CameraConfig>::key);
    if (field == fields.end()) {
      std::vector<std::string_view> names;
      for (const auto& known : fields) names.push_back(known.key);
      return FieldProblem{key, fmt::format("unknown field '{}'{}", key, did_you_mean(key, names))};
    }
    const auto node = as_toml(value);
    if (!node) return FieldProblem{key, fmt::format("{} can't be {}", key, value.type_name())};
    if (auto read = field->read(*node->get("value"), camera); !read) return FieldProblem{key, read.error().message};
  }
  return std::nullopt;
}

}  // namespace camweave
