// ApiRoute: one row of the API's table. The router and /openapi.json are both made from the same rows.
#pragma once

#include <string>
#include <vector>

#include "net/router.h"

namespace camweave {

struct ApiParameter {
  const char* name;
  const char* type;  // JSON schema's word: "string", "integer", "number", "boolean"
  const char* meaning;
};

struct ApiRoute {
  enum class Kind { http, websocket };

  HttpMethod method = HttpMethod::get;
  const char* pattern = "";
  const char* summary = "";
  HttpHandler handler;
  Kind kind = Kind::http;
  std::vector<ApiParameter> query;
  const char* body = nullptr;                // what the request's JSON body is, in words; null: none
  const char* answers = "application/json";  // the answer's content type
  std::vector<int> statuses = {200};
  RouteOptions options;
};

void add_routes(Router& router, const std::vector<ApiRoute>& routes);

// OpenAPI 3.1, as JSON text.
std::string openapi_document(const std::vector<ApiRoute>& routes);

}  // namespace camweave
