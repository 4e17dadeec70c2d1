#include "control/rest/camera_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "ipc/json.h"

namespace camweave {
namespace {

using nlohmann::json;

json null_or(const std::string& text) { return text.empty() ? json() : json(text); }
double tenths(double value) { return std::round(value * 10) / 10; }

std::string display_name(const CameraStatus& status) {
  if (status.model.empty()) return status.id;
  // Many devices repeat the maker in the model's name.
  const bool says_maker = status.make.empty() || status.model.starts_with(status.make);
  return says_maker ? status.model : status.make + " " + status.model;
}

bool is_same(const ControlValue& a, const ControlValue& b) {
  const auto number = [](const ControlValue& value) -> std::optional<double> {
    if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
    if (const auto* real = std::get_if<double>(&value)) return *real;
    return std::nullopt;
  };
  const auto x = number(a), y = number(b);
  return x && y ? *x == *y : a == b;
}

void add_health(json& object, const CameraHealth& health) {
  object["state"] = to_string(health.state);
  object["last_frame_age_ms"] = health.last_frame_age_ms ? json(*health.last_frame_age_ms) : json();
  object["fps"] = tenths(health.fps);
  object["expected_fps"] = tenths(health.expected_fps);
  object["dropped"] = health.dropped;
  object["restarts"] = health.restarts;
  object["last_error"] = null_or(health.last_error);
  object["next_retry_s"] = health.next_retry_s ? json(tenths(*health.next_retry_s)) : json();
}

}  // namespace

json health_json(const std::string& id, const CameraHealth& health) {
  json object{{"id", id}};
  add_health(object, health);
  return object;
}

json camera_json(const CameraStatus& status) {
  json modes = json::array();
  for (const ipc::Mode& mode : status.modes) modes.push_back(ipc::to_json(mode));
  json renditions = json::array();
  for (const RenditionStatus& one : status.renditions) renditions.push_back(to_string(one.rendition));
  json object{{"id", status.id},
              {"index", status.index},
              {"name", display_name(status)},
              {"source", status.source},
              {"driver", status.driver},
              {"make", status.make},
              {"model", status.model},
              {"serial", status.serial},
              {"width", status.mode.size.width},
              {"height", status.mode.size.height},
              {"format", status.mode.size.empty() ? "" : to_string(status.mode.format)},
              {"mode_note", status.mode_note},
              {"modes", std::move(modes)},
              {"renditions", std::move(renditions)}};
  add_health(object, status.health);
  return object;
}

json rendition_json(const RenditionStatus& status) {
  const Rendition& rendition = status.rendition;
  const auto null_or_number = [](double number) { return number > 0 ? json(number) : json(); };
  return {{"id", status.id},
          {"codec", to_string(rendition.codec)},
          {"width", rendition.size.empty() ? json() : json(rendition.size.width)},
          {"height", rendition.size.empty() ? json() : json(rendition.size.height)},
          {"fps", null_or_number(rendition.fps_milli / 1000.0)},
          {"quality", rendition.quality ? json(rendition.quality) : json()},
          {"bitrate_kbps", rendition.bitrate_kbps ? json(rendition.bitrate_kbps) : json()},
          {"rotation", rendition.rotation},
          {"encoder", null_or(status.encoder)},
          {"in_words", to_string(rendition)}};
}

json control_json(const Control& control) {
  json object = ipc::to_json(control);
  object["auto"] = std::move(object["auto_partner"]);
  object.erase("auto_partner");
  return object;
}

json controls_json(const std::vector<Control>& controls) {
  json list = json::array();
  for (const Control& control : controls) list.push_back(control_json(control));
  return list;
}

json applied_json(const ControlValues& wanted, const ControlOutcome& outcome) {
  json object = json::object();
  for (const auto& [name, value] : wanted) {
    const auto found = outcome.applied.find(name);
    const ControlValue& applied = found == outcome.applied.end() ? value : found->second;
    object[name] = {{"value", ipc::to_json(applied)}, {"adjusted", !is_same(value, applied)}};
  }
  return object;
}

json problems_json(const std::vector<ControlError>& errors) {
  json list = json::array();
  for (const ControlError& error : errors) {
    list.push_back({{"loc", {"body", error.name}}, {"msg", error.message}, {"type", error.type}});
  }
  return list;
}

std::string json_text(const json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

}  // namespace camweave
