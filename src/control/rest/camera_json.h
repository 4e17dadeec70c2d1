// Cameras, their health and their controls as the API shows them (docs/reference/api.md). Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "stream/cameras.h"

namespace camweave {

nlohmann::json health_json(const std::string& id, const CameraHealth& health);
nlohmann::json camera_json(const CameraStatus& status);
// A rendition that is being made; what is the camera's own or the encoder's choice is null.
nlohmann::json rendition_json(const RenditionStatus& status);
nlohmann::json control_json(const Control& control);
nlohmann::json controls_json(const std::vector<Control>& controls);

// {"NAME":{"value":…,"adjusted":…}}: what was asked for beside what the device took.
nlohmann::json applied_json(const ControlValues& wanted, const ControlOutcome& outcome);
// FastAPI's list: [{"loc":["body",NAME],"msg":…,"type":…}].
nlohmann::json problems_json(const std::vector<ControlError>& errors);

// As text; what is no UTF-8 (a device's name) is replaced.
std::string json_text(const nlohmann::json& json);

}  // namespace camweave
