// GET /metrics: every counter and gauge in Prometheus' text form. Pure but for reading them.
#pragma once

#include <string>

#include "control/supervisor/supervisor.h"
#include "net/io_loop.h"

namespace camweave {

std::string metrics_text(const Supervisor& supervisor, const IoLoops& loops, double uptime_s);

}  // namespace camweave
