#include "control/rest/api_route.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace camweave {
namespace {

using nlohmann::json;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

json parameters_of(const ApiRoute& route) {
  json parameters = json::array();
  const std::string_view pattern = route.pattern;
  for (size_t begin = pattern.find('{'); begin != std::string_view::npos; begin = pattern.find('{', begin + 1)) {
    const std::string name(pattern.substr(begin + 1, pattern.find('}', begin) - begin - 1));
    parameters.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  for (const ApiParameter& query : route.query) {
    parameters.push_back({{"name", query.name},
                          {"in", "query"},
                          {"required", false},
                          {"description", query.meaning},
                          {"schema", {{"type", query.type}}}});
  }
  return parameters;
}

json answers_of(const ApiRoute& route) {
  json answers = json::object();
  for (const int status : route.statuses) {
    const bool is_error = status >= 400;
    const std::string type = is_error ? "application/json" : route.answers;
    json& answer = answers[std::to_string(status)];
    answer = {{"description", http_reason(status)}};
    if (is_error) answer["content"][type]["schema"]["$ref"] = "#/components/schemas/Error";
    if (!is_error && !type.empty()) answer["content"][type] = json::object();
  }
  return answers;
}

json operation_of(const ApiRoute& route) {
  json operation{{"summary", route.summary}, {"parameters", parameters_of(route)}, {"responses", answers_of(route)}};
  if (route.body) {
    operation["requestBody"] = {{"required", true},
                                {"description", route.body},
                                {"content", {{"application/json", {{"schema", {{"type", "object"}}}}}}}};
  }
  return operation;
}

}  // namespace

void add_routes(Router& router, const std::vector<ApiRoute>& routes) {
  for (const ApiRoute& route : routes) {
    if (route.kind == ApiRoute::Kind::websocket) {
      router.websocket(route.pattern, route.handler);
    } else {
      router.add(route.method, route.pattern, route.handler, route.options);
    }
  }
}

std::string openapi_document(const std::vector<ApiRoute>& routes) {
  json document{{"openapi", "3.1.0"}, {"info", {{"title", "Camweave"}, {"version", CAMWEAVE_VERSION}}}};
  for (const ApiRoute& route : routes) {
    document["paths"][route.pattern][lower(to_string(route.method))] = operation_of(route);
  }
  document["components"]["schemas"]["Error"] = {
      {"type", "object"},
      {"required", {"detail"}},
      {"properties", {{"detail", {{"description", "One line, or for 422 a list of {loc, msg, type}"}}}}}};
  return document.dump(1);
}

}  // namespace camweave
