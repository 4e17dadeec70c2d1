// The fields of [[camera]] as the REST API takes them: the same table, the same checks, in JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "control/config/config.h"

namespace camweave {

struct FieldProblem {
  std::string key;  // "": the whole
  std::string message;
};

// Sets those fields of `camera` that `object` has. A problem: `camera` may be half changed, throw it away.
std::optional<FieldProblem> set_camera_fields(const nlohmann::json& object, CameraConfig& camera);

}  // namespace camweave
