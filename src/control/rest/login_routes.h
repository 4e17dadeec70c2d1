// Logging in with a browser: the API key once, then a session's cookie (net/sessions.h). Public, so that whoever has no
// session yet can reach it; wrong keys are slowed down for each address.
#pragma once

#include <functional>
#include <memory>

#include "base/log.h"
#include "control/rest/api_route.h"
#include "net/sessions.h"

namespace camweave {

struct LoginParts {
  std::shared_ptr<Sessions> sessions;
  // The key as configured now; empty: none. Thread-safe.
  std::function<std::string()> api_key;
  Log& log;
};

std::vector<ApiRoute> login_routes(const LoginParts& parts);

}  // namespace camweave
