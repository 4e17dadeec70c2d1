#include "control/supervisor/saved_controls.h"

#include <nlohmann/json.hpp>

#include "ipc/json.h"

namespace camweave {

using nlohmann::json;

void SavedControls::write() const {
  json devices = json::object(), cameras = json::object();
  for (const auto& [device, values] : values_) devices[device] = ipc::to_json(values);
  for (const auto& [id, seen] : seen_) cameras[id] = {{"source", seen.source}, {"device", seen.device}};
  write_({{"version", 1}, {"devices", std::move(devices)}, {"cameras", std::move(cameras)}});
}

Result<void> SavedControls::restore(const json& document) {
  const Error senseless{ErrorCode::invalid_argument, "holds no saved controls"};
  const auto devices = document.find("devices"), cameras = document.find("cameras");
  if (devices == document.end() || !devices->is_object() || cameras == document.end() || !cameras->is_object()) {
    return senseless;
  }
  SavedControls read({});
  for (const auto& [device, values] : devices->items()) {
    auto parsed = ipc::control_values_from_json(values);
    if (!parsed) return parsed.error();
    read.values_[device] = *std::move(parsed);
  }
  for (const auto& [id, seen] : cameras->items()) {
    if (!seen.is_object() || !seen.contains("source") || !seen["source"].is_string() || !seen.contains("device") ||
        !seen["device"].is_string()) {
      return senseless;
    }
    read.seen_[id] = {seen["source"].get<std::string>(), seen["device"].get<std::string>()};
  }
  values_ = std::move(read.values_);
  seen_ = std::move(read.seen_);
  return {};
}

std::string SavedControls::device_of(std::string_view camera_id, std::string_view source) const {
  const auto found = seen_.find(camera_id);
  return found != seen_.end() && found->second.source == source ? found->second.device : "";
}

void SavedControls::remember_device(std::string_view camera_id, std::string_view source, std::string_view device) {
  if (device_of(camera_id, source) == device) return;
  seen_[std::string(camera_id)] = {std::string(source), std::string(device)};
  write();
}

ControlValues SavedControls::values_of(std::string_view device) const {
  const auto found = values_.find(device);
  return found == values_.end() ? ControlValues{} : found->second;
}

void SavedControls::keep(std::string_view device, const ControlValues& applied, const std::vector<Control>& schema) {
  ControlValues& kept = values_[std::string(device)];
  for (const auto& [name, value] : applied) {
    const Control* control = find_control(schema, name);
    if (control && control->type != ControlType::action) kept[name] = value;
  }
  for (const Control& control : schema) {
    const auto partner = kept.find(control.auto_partner);
    if (partner == kept.end()) continue;
    if (const bool* on = std::get_if<bool>(&partner->second); on && *on) kept.erase(control.name);
  }
  write();
}

void SavedControls::forget(std::string_view device) {
  const auto found = values_.find(device);
  if (found == values_.end()) return;
  values_.erase(found);
  write();
}

}  // namespace camweave
