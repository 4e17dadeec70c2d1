#include "control/dual_camera/pair_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "control/dual_camera/multipart_form.h"
#include "net/http_message.h"

namespace camweave {
namespace {

using nlohmann::json;
using Problem = PairConfigRefusal::Problem;

// One row for each field: its name in forms, its place in the JSON shape, and where it goes.
struct Field {
  const char* form_name;
  std::vector<std::string> json_path;  // a number: an index of a list
  int* value;
};

std::vector<Field> fields_of(PairConfig& config) {
  return {{"gap", {"gap"}, &config.gap_px},
          {"cam0_order", {"cameras", "cam0", "order"}, &config.cameras[0].order},
          {"cam1_order", {"cameras", "cam1", "order"}, &config.cameras[1].order},
          {"cam0_rotation", {"cameras", "cam0", "rotation"}, &config.cameras[0].rotation_degrees},
          {"cam1_rotation", {"cameras", "cam1", "rotation"}, &config.cameras[1].rotation_degrees},
          {"stream_width", {"stream", "resolution", "0"}, &config.resolution.width},
          {"stream_height", {"stream", "resolution", "1"}, &config.resolution.height},
          {"stream_quality", {"stream", "quality"}, &config.quality},
          {"stream_fps", {"stream", "fps"}, &config.fps}};
}

Problem missing(std::vector<std::string> loc) { return {std::move(loc), "Field required", "missing"}; }
Problem not_a_number(std::vector<std::string> loc, bool was_text) {
  return was_text ? Problem{std::move(loc), "Input should be a valid integer, unable to parse string as an integer",
                            "int_parsing"}
                  : Problem{std::move(loc), "Input should be a valid integer", "int_type"};
}

std::optional<int> parse_whole(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

PairConfigRequest from_form(const FormFields& form) {
  PairConfigRequest request;
  for (const Field& field : fields_of(request.config)) {
    // The last of several, as form libraries have it.
    const auto found =
        std::find_if(form.rbegin(), form.rend(), [&](const auto& f) { return f.first == field.form_name; });
    if (found == form.rend()) {
      request.refusal.problems.push_back(missing({field.form_name}));
    } else if (const auto value = parse_whole(found->second)) {
      *field.value = *value;
    } else {
      request.refusal.problems.push_back(not_a_number({field.form_name}, true));
    }
  }
  return request;
}

const json* member_at(const json& document, const std::vector<std::string>& path) {
  const json* at = &document;
  for (const std::string& step : path) {
    if (at->is_array()) {
      const auto index = static_cast<size_t>(parse_whole(step).value_or(-1));
      if (index >= at->size()) return nullptr;
      at = &(*at)[index];
    } else {
      const auto found = at->find(step);
      if (found == at->end()) return nullptr;
      at = &*found;
    }
  }
  return at;
}

PairConfigRequest from_json(std::string_view body) {
  PairConfigRequest request;
  const json document = json::parse(body, nullptr, false);
  if (!document.is_object()) {
    request.refusal.problems.push_back({{}, "the body is neither a form nor a JSON object", "json_invalid"});
    return request;
  }
  for (const Field& field : fields_of(request.config)) {
    const json* value = member_at(document, field.json_path);
    if (!value) {
      request.refusal.problems.push_back(missing(field.json_path));
    } else if (value->is_number_integer() && value->get<int64_t>() >= INT32_MIN && value->get<int64_t>() <= INT32_MAX) {
      *field.value = value->get<int>();
    } else {
      request.refusal.problems.push_back(not_a_number(field.json_path, value->is_string()));
    }
  }
  return request;
}

constexpr std::array<Size, 3> resolutions{Size{320, 240}, Size{640, 480}, Size{820, 616}};

std::string out_of_range(const PairConfig& config) {
  const auto outside = [](const char* name, int value, int least, int most) {
    return value < least || value > most ? fmt::format("{} must be between {} and {}", name, least, most)
                                         : std::string();
  };
  if (auto text = outside("gap", config.gap_px, -100, 100); !text.empty()) return text;
  for (size_t i = 0; i < config.cameras.size(); ++i) {
    const PairConfig::Camera& camera = config.cameras[i];
    if (camera.order != 1 && camera.order != 2) return fmt::format("cam{}_order must be 1 or 2", i);
    if (camera.rotation_degrees < 0 || camera.rotation_degrees > 270 || camera.rotation_degrees % 90) {
      return fmt::format("cam{}_rotation must be 0, 90, 180 or 270", i);
    }
  }
  if (config.cameras[0].order == config.cameras[1].order) return "cam0_order and cam1_order must be different";
  if (std::ranges::find(resolutions, config.resolution) == resolutions.end()) {
    return "stream_width and stream_height must be 320x240, 640x480 or 820x616";
  }
  if (auto text = outside("stream_quality", config.quality, 1, 100); !text.empty()) return text;
  return outside("stream_fps", config.fps, 1, 30);
}

bool starts_with_any_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::ranges::equal(text.substr(0, start.size()), start,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

PairConfigRequest unreadable(const Error& error) {
  PairConfigRequest request;
  request.refusal.problems.push_back({{}, error.message, "value_error"});
  return request;
}

PairConfigRequest read(std::string_view content_type, std::string_view body) {
  if (starts_with_any_case(content_type, "multipart/form-data")) {
    auto boundary = multipart_boundary(content_type);
    if (!boundary) return unreadable(boundary.error());
    auto form = parse_multipart_form(body, *boundary);
    return form ? from_form(*form) : unreadable(form.error());
  }
  if (starts_with_any_case(content_type, "application/x-www-form-urlencoded")) {
    auto form = parse_form_fields(body);
    return form ? from_form(*form) : unreadable(form.error());
  }
  return from_json(body);
}

}  // namespace

nlohmann::ordered_json to_json(const PairConfig& config) {
  nlohmann::ordered_json cameras;
  for (size_t i = 0; i < config.cameras.size(); ++i) {
    cameras[fmt::format("cam{}", i)] =
        nlohmann::ordered_json{{"order", config.cameras[i].order}, {"rotation", config.cameras[i].rotation_degrees}};
  }
  return {{"gap", config.gap_px},
          {"cameras", std::move(cameras)},
          {"stream",
           {{"resolution", {config.resolution.width, config.resolution.height}},
            {"quality", config.quality},
            {"fps", config.fps}}}};
}

Rendition rendition_of(const PairConfig& config) {
  return {.codec = Codec::jpeg, .size = config.resolution, .fps_milli = config.fps * 1000, .quality = config.quality};
}

PairConfigRequest parse_pair_config(std::string_view content_type, std::string_view body) {
  PairConfigRequest request = read(content_type, body);
  if (request.ok()) request.refusal.out_of_range = out_of_range(request.config);
  return request;
}

}  // namespace camweave
