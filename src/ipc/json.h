// The JSON forms of controls and modes: used in messages, in the REST API and in state files alike.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "ipc/messages.h"
#include "media/control.h"

namespace camweave::ipc {

nlohmann::json to_json(const ControlValue& value);
nlohmann::json to_json(const ControlValues& values);
nlohmann::json to_json(const Control& control);                  // docs/reference/controls.md
nlohmann::json to_json(const std::vector<Control>& controls);    // an array
nlohmann::json to_json(const Mode& mode);                        // {"format","width","height","fps"}

Result<ControlValue> control_value_from_json(const nlohmann::json& json);
Result<ControlValues> control_values_from_json(const nlohmann::json& json);   // an object
Result<std::vector<Control>> controls_from_json(const nlohmann::json& json);  // an array, at most 512

}  // namespace camweave::ipc
