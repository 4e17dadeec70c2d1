// The camera-control API over HTTP, with fake cameras and a fake push: every answer and every refusal of both versions.
#include "control/camera_control/camera_control.h"

#include <gtest/gtest.h>

#include "control/camera_control/exposure_limits.h"
#include "sink/http_test_server.h"

namespace camweave {
namespace {

using nlohmann::json;

Control control(const char* name, ControlType type, ControlValue value, double min = 0, double max = 1) {
  Control made;
  made.name = name;
  made.type = type;
  made.value = value;
  made.min = min;
  made.max = max;
  return made;
}

std::vector<Control> a_schema() {
  std::vector<Control> schema{control("auto_exposure", ControlType::boolean, true),
                              control("exposure_us", ControlType::integer, int64_t{8000}, 100, 1'000'000),
                              control("gain", ControlType::real, 1.0, 1, 16),
                              control("auto_white_balance", ControlType::boolean, true)};
  schema[1].auto_partner = schema[2].auto_partner = "auto_exposure";
  schema[1].available = schema[2].available = false;
  schema[2].unit = "x";
  return schema;
}

class FakeSwitch final : public StreamingSwitch {
 public:
  bool is_on(std::string_view camera) const override {
    MutexLock lock(mutex_);
    return on_.contains(std::string(camera));
  }
  Result<void> start(std::string_view camera) override {
    MutexLock lock(mutex_);
    on_.insert(std::string(camera));
    return {};
  }
  Result<void> stop(std::string_view camera) override {
    MutexLock lock(mutex_);
    on_.erase(std::string(camera));
    return {};
  }

 private:
  mutable Mutex mutex_;
  std::set<std::string> on_ GUARDED_BY(mutex_);
};

struct Answer {
  int status = 0;
  json body;
  bool operator==(const Answer&) const = default;
};
void PrintTo(const Answer& answer, std::ostream* out) { *out << answer.status << " " << answer.body.dump(); }

class CameraControlTest : public SinkTest {
 protected:
  void SetUp() override {
    cameras_.set_schema(a_schema());
    begin({.streaming = &push_});
  }
  void begin(CameraControl::Options options) {
    options.default_camera = [this] { return default_camera_; };
    control_.emplace(cameras_, std::move(options));
    add_routes(router_, control_->routes());
    serve();
  }

  Answer ask(const std::string& method, const std::string& path, const std::string& body = "") {
    TestClient client(port_);
    client.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
    client.read_to_end();
    const std::string& text = client.received();
    const size_t head = text.find("\r\n\r\n");
    if (head == text.npos) return {};
    return {std::stoi(text.substr(9, 3)), json::parse(text.substr(head + 4), nullptr, false)};
  }
  Answer post(const std::string& path, const std::string& body = "") { return ask("POST", path, body); }
  Answer get(const std::string& path) { return ask("GET", path); }
  static Answer answer(int status, const char* text) { return {status, json::parse(text)}; }
  static Answer detail(int status, const std::string& text) { return {status, {{"detail", text}}}; }

  std::string default_camera_;
  FakeSwitch push_;
  std::optional<CameraControl> control_;
};

TEST_F(CameraControlTest, StatusSaysWhatTheNewestFrameSays) {
  cameras_.set_sensor(FrameMetadata{12'000, 1.5f, 4200.0f, 45.2f});
  const Answer status = answer(200, R"({"lux":45.2,"exposure_us":12000,"analogue_gain":1.5,
      "colour_temperature":4200.0,"auto_exposure":true,"streaming":false})");
  EXPECT_EQ(get("/camera/status"), status);
  EXPECT_EQ(get("/v1/camera/status"), status);
}

TEST_F(CameraControlTest, WhatIsUnknownIsNull) {
  cameras_.set_schema(std::nullopt);
  EXPECT_EQ(get("/camera/status"), answer(200, R"({"lux":null,"exposure_us":null,"analogue_gain":null,
      "colour_temperature":null,"auto_exposure":null,"streaming":false})"));
  cameras_.set_sensor(FrameMetadata{.exposure_us = 500});
  EXPECT_EQ(get("/camera/status").body["exposure_us"], 500);
  EXPECT_TRUE(get("/camera/status").body["lux"].is_null());
}

TEST_F(CameraControlTest, TheStatusKeysStandInTheInterfacesOrder) {
  TestClient client(port_);
  const std::string text = client.get("/camera/status");
  EXPECT_NE(text.find("{\"lux\":null,\"exposure_us\":null,\"analogue_gain\":null,\"colour_temperature\":null,"
                      "\"auto_exposure\":true,\"streaming\":false}"),
            text.npos)
      << text;
}

TEST_F(CameraControlTest, EveryVersionSetsAndAnswers) {
  for (const std::string version : {"", "/v1"}) {
    EXPECT_EQ(post(version + "/camera/auto_exposure", R"({"enabled":true})"),
              answer(200, R"({"status":"ok","auto_exposure":true})"));
    EXPECT_EQ(cameras_.sets().back(), (ControlValues{{"auto_exposure", true}}));
    EXPECT_EQ(post(version + "/camera/awb", R"({"enabled":false})"),
              answer(200, R"({"status":"ok","awb_enabled":false})"));
    EXPECT_EQ(cameras_.sets().back(), (ControlValues{{"auto_white_balance", false}}));
    EXPECT_EQ(post(version + "/camera/manual_exposure", R"({"exposure_us":20000,"gain":2.0})"),
              answer(200, R"({"status":"ok","exposure_us":20000,"gain":2.0})"));
    EXPECT_EQ(cameras_.sets().back(),
              (ControlValues{{"auto_exposure", false}, {"exposure_us", int64_t{20000}}, {"gain", 2.0}}));
    EXPECT_EQ(post(version + "/camera/manual_exposure", R"({"exposure_us":500})"),
              answer(200, R"({"status":"ok","exposure_us":500,"gain":1.0})"));
    EXPECT_EQ(cameras_.sets().back().at("gain"), ControlValue(1.0)) << "left out: 1.0, not what it was";
  }
}

TEST_F(CameraControlTest, TheFirstVersionRefusesWith400) {
  const std::string path = "/camera/manual_exposure";
  EXPECT_EQ(post(path, R"({"exposure_us":0})"), detail(400, "exposure_us must be > 0"));
  EXPECT_EQ(post(path, R"({"exposure_us":-5,"gain":1})"), detail(400, "exposure_us must be > 0"));
  EXPECT_EQ(post(path, R"({"exposure_us":5000,"gain":0})"), detail(400, "gain must be > 0"));
  EXPECT_EQ(post(path, R"({"gain":2})"), detail(400, "exposure_us is missing"));
  EXPECT_EQ(post(path, R"({"exposure_us":"fast"})"), detail(400, "exposure_us must be a whole number"));
  EXPECT_EQ(post(path, R"({"exposure_us":1.5})"), detail(400, "exposure_us must be a whole number"));
  EXPECT_EQ(post(path, "["), detail(400, "the body is no JSON"));
  EXPECT_EQ(post(path), detail(400, "the body must be a JSON object"));
  EXPECT_EQ(post("/camera/awb", R"({"enabled":"perhaps"})"), detail(400, "enabled must be true or false"));
  EXPECT_EQ(post("/camera/auto_exposure", "{}"), detail(400, "enabled is missing"));
  EXPECT_TRUE(cameras_.sets().empty()) << "nothing changes on an error";
}

TEST_F(CameraControlTest, TheFirstVersionGivesTheNearestThatTheCameraTakes) {
  EXPECT_EQ(post("/camera/manual_exposure", R"({"exposure_us":50,"gain":99})"),
            answer(200, R"({"status":"ok","exposure_us":100,"gain":16.0})"));
  EXPECT_EQ(cameras_.sets().back().at("exposure_us"), ControlValue(int64_t{100}));
}

TEST_F(CameraControlTest, TheLaterVersionNamesFieldAndLimit) {
  const std::string path = "/v1/camera/manual_exposure";
  EXPECT_EQ(post(path, R"({"exposure_us":99})"), detail(422, "exposure_us must be >= 100"));
  EXPECT_EQ(post(path, R"({"exposure_us":-1})"), detail(422, "exposure_us must be >= 100"));
  EXPECT_EQ(post(path, R"({"exposure_us":1000001})"), detail(422, "exposure_us must be <= 1000000"));
  EXPECT_EQ(post(path, R"({"exposure_us":1e30})"), detail(422, "exposure_us must be <= 1000000"));
  EXPECT_EQ(post(path, R"({"exposure_us":500,"gain":0.5})"), detail(422, "gain must be >= 1.0"));
  EXPECT_EQ(post(path, R"({"exposure_us":500,"gain":16.5})"), detail(422, "gain must be <= 16.0"));
  EXPECT_TRUE(cameras_.sets().empty());
}

TEST_F(CameraControlTest, TheLaterVersionWritesFastApisList) {
  const std::string path = "/v1/camera/manual_exposure";
  EXPECT_EQ(post(path, R"({"gain":2.0})"),
            answer(422, R"({"detail":[{"type":"missing","loc":["body","exposure_us"],"msg":"Field required",
                "input":{"gain":2.0}}]})"));
  EXPECT_EQ(post(path, R"({"exposure_us":"fast","gain":[1]})"),
            answer(422, R"({"detail":[{"type":"int_parsing","loc":["body","exposure_us"],
                "msg":"Input should be a valid integer, unable to parse string as an integer","input":"fast"},
                {"type":"float_type","loc":["body","gain"],"msg":"Input should be a valid number","input":[1]}]})"));
  EXPECT_EQ(post(path, R"({"exposure_us":10.5})"),
            answer(422, R"({"detail":[{"type":"int_from_float","loc":["body","exposure_us"],
                "msg":"Input should be a valid integer, got a number with a fractional part","input":10.5}]})"));
  EXPECT_EQ(post("/v1/camera/awb", R"({"enabled":null})"),
            answer(422, R"({"detail":[{"type":"bool_type","loc":["body","enabled"],
                "msg":"Input should be a valid boolean","input":null}]})"));
  EXPECT_EQ(post("/v1/camera/awb", R"({"enabled":"perhaps"})"),
            answer(422, R"({"detail":[{"type":"bool_parsing","loc":["body","enabled"],
                "msg":"Input should be a valid boolean, unable to interpret input","input":"perhaps"}]})"));
  EXPECT_EQ(post("/v1/camera/auto_exposure", "[true]"),
            answer(422, R"({"detail":[{"type":"model_attributes_type","loc":["body"],
                "msg":"Input should be a valid dictionary or object to extract fields from","input":[true]}]})"));
  EXPECT_EQ(post("/v1/camera/auto_exposure"),
            answer(422, R"({"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]})"));
  const Answer invalid = post("/v1/camera/auto_exposure", "{\"enabled\":tru}");
  EXPECT_EQ(invalid.status, 422);
  EXPECT_EQ(invalid.body["detail"][0]["type"], "json_invalid");
  EXPECT_EQ(invalid.body["detail"][0]["msg"], "JSON decode error");
  EXPECT_EQ(invalid.body["detail"][0]["loc"][0], "body");
  EXPECT_TRUE(cameras_.sets().empty());
}

TEST_F(CameraControlTest, ReadsWhatPydanticReads) {
  EXPECT_EQ(post("/v1/camera/awb", R"({"enabled":"off","more":1})").body["awb_enabled"], false);
  EXPECT_EQ(post("/v1/camera/awb", R"({"enabled":1})").body["awb_enabled"], true);
  EXPECT_EQ(post("/v1/camera/manual_exposure", R"({"exposure_us":" 700 ","gain":"2.5"})").body,
            json::parse(R"({"status":"ok","exposure_us":700,"gain":2.5})"));
  EXPECT_EQ(post("/v1/camera/manual_exposure", R"({"exposure_us":700.0})").body["exposure_us"], 700);
}

TEST_F(CameraControlTest, AHostileBodyIsAnsweredToo) {
  EXPECT_EQ(post("/v1/camera/awb", R"({"enabled":)" + std::string(2000, '[') + std::string(2000, ']') + "}").status,
            422);
  EXPECT_EQ(post("/camera/awb", std::string(4000, '[')).status, 400);
  EXPECT_EQ(post("/camera/awb", std::string(5000, ' ')).status, 413);
  EXPECT_EQ(post("/camera/awb", "{\"enabled\":\"\xff\"}").status, 400);
}

TEST_F(CameraControlTest, AnotherCameraAndNone) {
  EXPECT_EQ(post("/streaming/start?camera=line").status, 200);
  EXPECT_TRUE(push_.is_on("line"));
  EXPECT_FALSE(push_.is_on("front"));
  EXPECT_EQ(get("/camera/status").body["streaming"], false);
  EXPECT_EQ(get("/v1/camera/status?camera=line").body["streaming"], true);
  EXPECT_EQ(get("/camera/status?camera=nobody"), detail(404, "no camera 'nobody'"));
  EXPECT_EQ(post("/v1/camera/awb?camera=nobody", R"({"enabled":true})"), detail(404, "no camera 'nobody'"));
  EXPECT_EQ(post("/streaming/stop?camera=").status, 404);
  default_camera_ = "line";
  EXPECT_EQ(get("/camera/status").body["streaming"], true);
  default_camera_ = "";
  cameras_.remove_camera("front");
  cameras_.remove_camera("line");
  EXPECT_EQ(get("/camera/status"), detail(404, "no camera is here"));
}

TEST_F(CameraControlTest, StreamingIsIdempotent) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(post("/streaming/start"), answer(200, R"({"status":"ok","streaming":true})"));
    EXPECT_EQ(get("/camera/status").body["streaming"], true);
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(post("/v1/streaming/stop"), answer(200, R"({"status":"ok","streaming":false})"));
    EXPECT_EQ(get("/v1/camera/status").body["streaming"], false);
  }
}

TEST_F(CameraControlTest, AwayIs503WithTheReason) {
  cameras_.set_state(CameraState::away, "unplugged");
  const Answer away = detail(503, "camera front is away: unplugged");
  for (const std::string version : {"", "/v1"}) {
    EXPECT_EQ(get(version + "/camera/status"), away);
    EXPECT_EQ(post(version + "/camera/awb", R"({"enabled":true})"), away);
    EXPECT_EQ(post(version + "/camera/manual_exposure", R"({"exposure_us":500})"), away);
    EXPECT_EQ(post(version + "/streaming/start"), away);
    EXPECT_EQ(post(version + "/streaming/stop").status, 200) << "what is on can always be stopped";
  }
}

TEST_F(CameraControlTest, ADeviceThatLacksAControl) {
  cameras_.set_schema(std::vector<Control>{control("brightness", ControlType::integer, int64_t{0})});
  EXPECT_EQ(post("/camera/manual_exposure", R"({"exposure_us":500})"),
            detail(400, "exposure_us is not a control of this camera"));
  EXPECT_EQ(post("/v1/camera/awb", R"({"enabled":true})"),
            detail(422, "auto_white_balance is not a control of this camera"));
}

TEST_F(CameraControlTest, WrongMethodsAre405) {
  for (const std::string version : {"", "/v1"}) {
    EXPECT_EQ(post(version + "/camera/status").status, 405);
    for (const char* path :
         {"/camera/auto_exposure", "/camera/manual_exposure", "/camera/awb", "/streaming/start", "/streaming/stop"}) {
      EXPECT_EQ(get(version + path).status, 405) << version << path;
      EXPECT_EQ(ask("PUT", version + path).status, 405) << version << path;
    }
  }
}

TEST_F(CameraControlTest, HealthSaysTheFacts) {
  EXPECT_EQ(control_->health_json(),
            R"({"status":"healthy","camera_configured":true,"streaming_active":false,"version":"1.0.0"})");
  ASSERT_TRUE(push_.start("front").ok());
  EXPECT_EQ(json::parse(control_->health_json())["streaming_active"], true);
  default_camera_ = "gone";
  EXPECT_EQ(json::parse(control_->health_json())["camera_configured"], false);
}

class WithoutPushTest : public CameraControlTest {
 protected:
  void SetUp() override { begin({}); }
};

TEST_F(WithoutPushTest, SaysSo) {
  EXPECT_EQ(post("/streaming/start"), detail(503, "this server pushes no stream"));
  EXPECT_EQ(get("/camera/status").body["streaming"], false);
}

TEST(ExposureLimits, AGainWithTheDevicesOwnScaleIsLeftAloneUnlessAskedFor) {
  std::vector<Control> schema = a_schema();
  schema[2] = control("gain", ControlType::integer, int64_t{64}, 0, 255);
  schema[2].auto_partner = "auto_gain";
  schema.push_back(control("auto_gain", ControlType::boolean, true));
  const auto untouched = exposure_values({500, {}}, schema);
  EXPECT_EQ(*untouched, (ControlValues{{"auto_exposure", false}, {"exposure_us", int64_t{500}}}));
  const auto asked = exposure_values({500, 100.4}, schema);
  EXPECT_EQ(asked->at("gain"), ControlValue(int64_t{100}));
  EXPECT_EQ(asked->at("auto_gain"), ControlValue(false));
  EXPECT_EQ(beyond_limits({500, 200.0}, *exposure_limits(schema)), "") << "the schema's own check decides";
}

TEST(ExposureLimits, ACameraWithoutGain) {
  std::vector<Control> schema = a_schema();
  schema.erase(schema.begin() + 2);
  EXPECT_TRUE(exposure_values({500, 1.0}, schema).ok());
  EXPECT_FALSE(exposure_values({500, 2.0}, schema).ok());
}

TEST(ExposureLimits, TheApisGainEndsAt16) {
  std::vector<Control> schema = a_schema();
  schema[2].max = 64;
  EXPECT_EQ(beyond_limits({500, 20.0}, *exposure_limits(schema)), "gain must be <= 16.0");
}

}  // namespace
}  // namespace camweave
