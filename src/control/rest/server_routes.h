// /api/v1/server, /logs, /metrics, /events: about the server itself.
#pragma once

#include <string>
#include <vector>

#include "control/rest/api_route.h"
#include "control/rest/event_hub.h"
#include "control/rest/metrics.h"
#include "control/supervisor/supervisor.h"
#include "net/io_loop.h"

namespace camweave {

// All borrowed; must outlive the loops.
struct ServerParts {
  const Clock& clock;
  Log& log;
  Supervisor& supervisor;
  IoLoops& loops;
  EventHub& events;
  Timestamp started;
  const WorkerPrograms& programs;
  std::function<std::vector<std::string>()> listeners;  // the bound addresses
  std::function<bool()> is_protected;
  std::function<std::vector<ServerFigure>()> figures;  // for /metrics, besides what is known here
};
std::vector<ApiRoute> server_routes(const ServerParts& parts);

}  // namespace camweave
