// /api/v1/cameras and all below it.
#pragma once

#include <vector>

#include "control/rest/api_route.h"
#include "control/supervisor/supervisor.h"

namespace camweave {

// `supervisor` must outlive the loops.
std::vector<ApiRoute> camera_routes(Supervisor& supervisor);
std::vector<ApiRoute> control_routes(Supervisor& supervisor);
std::vector<ApiRoute> rendition_routes(Supervisor& supervisor);

}  // namespace camweave
