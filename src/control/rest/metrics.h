// GET /metrics: every counter and gauge in Prometheus' text form. Pure but for reading them.
#pragma once

#include <string>

#include <vector>

#include "control/supervisor/supervisor.h"
#include "net/io_loop.h"

namespace camweave {

// One figure without labels, of a part that has its own counters.
struct ServerFigure {
  enum class Kind { counter, gauge };
  std::string name;
  std::string help;
  Kind kind = Kind::counter;
  uint64_t value = 0;
};

std::string metrics_text(const Supervisor& supervisor, const IoLoops& loops, double uptime_s, const std::vector<ServerFigure>& more);

}  // namespace camweave
