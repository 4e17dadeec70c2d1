// The API's pure parts: JSON shapes, and one table behind the router and /openapi.json.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "control/rest/api_route.h"
#include "control/rest/camera_json.h"

namespace camweave {
namespace {

using nlohmann::json;

TEST(CameraJson, WhatIsUnknownIsNull) {
  CameraStatus status;
  status.id = "front";
  const json camera = camera_json(status);
  for (const char* field : {"last_frame_age_ms", "last_error", "next_retry_s"})
    EXPECT_TRUE(camera[field].is_null()) << field;
  EXPECT_EQ(camera["name"], "front");
  EXPECT_EQ(camera["state"], "starting");
}

TEST(CameraJson, NamesAsPeopleSayThem) {
  CameraStatus status;
  status.id = "front";
  status.make = "Logitech";
  status.model = "C920";
  EXPECT_EQ(camera_json(status)["name"], "Logitech C920");
  status.model = "Logitech C920";
  EXPECT_EQ(camera_json(status)["name"], "Logitech C920");
}

TEST(CameraJson, ADevicesBytesThatAreNoUtf8DoNotBreakIt) {
  CameraStatus status;
  status.model = "bad \xff\xfe name";
  EXPECT_TRUE(json::accept(json_text(camera_json(status))));
}

TEST(ControlJson, SaysWhenTheDeviceTookAnotherValue) {
  const ControlOutcome outcome{{{"gain", 2.0}, {"exposure_us", int64_t{20000}}}, {}};
  const json applied = applied_json({{"gain", 2.7}, {"exposure_us", int64_t{20000}}}, outcome);
  EXPECT_EQ(applied,
            json::parse(R"({"gain":{"value":2.0,"adjusted":true},"exposure_us":{"value":20000,"adjusted":false}})"));
  const ControlOutcome whole{{{"gain", 2.0}}, {}};
  EXPECT_FALSE(applied_json({{"gain", int64_t{2}}}, whole)["gain"]["adjusted"]) << "2 and 2.0 are the same";
}

TEST(ControlJson, ProblemsAsFastApiWritesThem) {
  EXPECT_EQ(problems_json({{"gain", "gain must be <= 16", "less_than_equal"}}),
            json::parse(R"([{"loc":["body","gain"],"msg":"gain must be <= 16","type":"less_than_equal"}])"));
}

std::vector<ApiRoute> some_routes() {
  const HttpHandler handler = [](const std::shared_ptr<HttpExchange>&) {};
  return {{.pattern = "/a/{id}",
           .summary = "Get",
           .handler = handler,
           .query = {{"size", "string", "how large"}},
           .statuses = {200, 404}},
          {.method = HttpMethod::patch,
           .pattern = "/a/{id}",
           .summary = "Change",
           .handler = handler,
           .body = "what changes"},
          {.pattern = "/a/{id}/ws",
           .summary = "Stream",
           .handler = handler,
           .kind = ApiRoute::Kind::websocket,
           .answers = ""}};
}

TEST(ApiRoute, EveryRouteIsInTheRouterAndInTheDescription) {
  const auto routes = some_routes();
  Router router;
  add_routes(router, routes);
  EXPECT_EQ(router.rows().size(), routes.size());
  const json document = json::parse(openapi_document(routes));
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["paths"].size(), 2u);
  const json& get = document["paths"]["/a/{id}"]["get"];
  ASSERT_EQ(get["parameters"].size(), 2u);
  EXPECT_EQ(get["parameters"][0]["in"], "path");
  EXPECT_EQ(get["parameters"][1]["name"], "size");
  EXPECT_TRUE(get["responses"].contains("404"));
  EXPECT_TRUE(document["paths"]["/a/{id}"]["patch"].contains("requestBody"));
}

}  // namespace
}  // namespace camweave
