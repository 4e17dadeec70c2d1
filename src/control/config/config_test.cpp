#include "control/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "control/config/camera_fields_json.h"
#include "control/config/config_files.h"
#include "control/config/nearest_name.h"

namespace camweave {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string refusal(std::string_view text, const std::vector<std::string>& sets = {}) {
  auto config = parse_config(text, "camweave.toml", sets);
  if (config) return "accepted";
  EXPECT_EQ(config.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(config.error().message.find('\n'), std::string::npos) << "one line only";
  return config.error().message;
}

Config accepted(std::string_view text, const std::vector<std::string>& sets = {}) {
  auto config = parse_config(text, "camweave.toml", sets);
  if (!config) ADD_FAILURE() << config.error().message;
  return config ? *config : Config{};
}

constexpr std::string_view whole_example = R"(
[server]
http = ["0.0.0.0:8000", "127.0.0.1:5000"]
bundle = "0.0.0.0:8765"
bundle_unix = "/tmp/camstrm.sock"
state_dir = "/var/lib/camweave"
default_camera = "front"
health = "camera-control"
api_key = "k"
allowed_origins = ["null"]
log = "json"

[[camera]]
id = "front"
source = "v4l2:/dev/video0"
size = "1280x720"
fps = 29.97
capture = "on_demand"
controls = { exposure_us = 8000, gain = 2.0, auto_exposure = false, focus_mode = "manual" }

[[camera]]
id = "line"
source = "pattern:bars"
enabled = false
)";

TEST(Config, ReadsEverySection) {
  const Config config = accepted(whole_example);
  EXPECT_EQ(config.server.http, (std::vector<std::string>{"0.0.0.0:8000", "127.0.0.1:5000"}));
  EXPECT_EQ(config.server.default_camera, "front");
  EXPECT_EQ(config.server.health, HealthStyle::camera_control);
  EXPECT_EQ(config.server.allowed_origins, std::vector<std::string>{"null"});
  EXPECT_EQ(config.server.log, LogFormat::json);
  ASSERT_EQ(config.cameras.size(), 2u);
  const CameraConfig& front = config.cameras[0];
  EXPECT_EQ(front.id, "front");
  EXPECT_EQ(front.size, (Size{1280, 720}));
  EXPECT_EQ(front.fps_milli, 29970);
  EXPECT_TRUE(front.capture_on_demand);
  EXPECT_EQ(front.controls.at("exposure_us"), ControlValue(int64_t{8000}));
  EXPECT_EQ(front.controls.at("gain"), ControlValue(2.0));
  EXPECT_EQ(front.controls.at("auto_exposure"), ControlValue(false));
  EXPECT_EQ(front.controls.at("focus_mode"), ControlValue(std::string("manual")));
  EXPECT_FALSE(config.cameras[1].enabled);
}

TEST(Config, DefaultsWithoutAnything) {
  const Config config = accepted("");
  EXPECT_EQ(config.server.http, std::vector<std::string>{"0.0.0.0:8000"});
  EXPECT_EQ(config.server.health, HealthStyle::plain);
  EXPECT_TRUE(config.cameras.empty());
  EXPECT_TRUE(listeners_not_served(config.server).empty());
}

TEST(Config, EmptyHttpSwitchesTheListenerOff) { EXPECT_TRUE(accepted("[server]\nhttp = \"\"\n").server.http.empty()); }

TEST(Config, UnknownKeyIsRefusedWithPlaceAndNearestName) {
  EXPECT_EQ(refusal("[[camera]]\nid = \"a\"\n  sorce = \"pattern:bars\"\n"),
            "camweave.toml:3:3: unknown key 'sorce' in [[camera]]; did you mean 'source'?");
  EXPECT_EQ(refusal("[server]\nallowed_orgins = []\n"),
            "camweave.toml:2:1: unknown key 'allowed_orgins' in [server]; did you mean 'allowed_origins'?");
}

TEST(Config, KeyUnlikeAnyListsTheValidOnes) {
  EXPECT_THAT(refusal("[[camera]]\nxylophone = 1\n"), HasSubstr("; valid: id, source, size"));
}

TEST(Config, BadValueIsRefusedWithItsPlace) {
  EXPECT_THAT(refusal("[[camera]]\nid = \"a\"\nsource = \"pattern:bars\"\nsize = \"1280*720\"\n"),
              StartsWith("camweave.toml:4:8: size: "));
  EXPECT_THAT(refusal("[[camera]]\nid = \"Front Door\"\n"), StartsWith("camweave.toml:2:6: id: id must be"));
  EXPECT_THAT(refusal("[[camera]]\nid = \"a\"\nfps = -1\n"), StartsWith("camweave.toml:3:7: fps: "));
  EXPECT_THAT(refusal("[[camera]]\nid = \"a\"\nfps = nan\n"), StartsWith("camweave.toml:3:7: fps: "));
  EXPECT_THAT(refusal("[[camera]]\nid = \"a\"\ncontrols = { gain = [1] }\n"), HasSubstr("control 'gain' must be"));
  EXPECT_THAT(refusal("[server]\nhttp = \"example:port\"\n"), StartsWith("camweave.toml:2:8: http: "));
  EXPECT_THAT(refusal("[server]\nhttp = 8000\n"), StartsWith("camweave.toml:2:8: http: "));
  EXPECT_EQ(refusal("[server]\nhealth = \"camera_control\"\n"),
            "camweave.toml:2:10: health: health can't be \"camera_control\"; did you mean 'camera-control'?");
}

TEST(Config, SyntaxErrorHasItsPlace) { EXPECT_THAT(refusal("[server]\nhttp = \n"), StartsWith("camweave.toml:2:")); }

TEST(Config, SectionsOfOtherVersionsAreRefusedByName) {
  EXPECT_EQ(refusal("[mqtt]\nbroker = \"x\"\n"),
            "camweave.toml:1:2: this version of Camweave has no [mqtt]: remove it");
  EXPECT_THAT(refusal("[[camra]]\nid = \"a\"\n"), HasSubstr("unknown section 'camra'; did you mean 'camera'?"));
}

TEST(Config, CamerasNeedTheirOwnIdAndASource) {
  EXPECT_THAT(refusal("[[camera]]\nsource = \"pattern:bars\"\n"), HasSubstr("this [[camera]] has no id"));
  EXPECT_THAT(refusal("\n[[camera]]\nid = \"a\"\n"), StartsWith("camweave.toml:2:1: camera 'a' has no source"));
  EXPECT_THAT(refusal("[[camera]]\nid = \"a\"\nsource = \"pattern:bars\"\n"
                      "[[camera]]\nid = \"a\"\nsource = \"pattern:zone\"\n"),
              StartsWith("camweave.toml:5:6: a second camera with the id 'a'"));
  EXPECT_THAT(refusal("[camera]\nid = \"a\"\n"), HasSubstr("[[camera]], with two brackets"));
  EXPECT_THAT(refusal("[server]\ndefault_camera = \"fornt\"\n[[camera]]\nid = \"front\"\nsource = \"pattern:bars\"\n"),
              HasSubstr("did you mean 'front'?"));
}

TEST(Config, SetGoesOverTheFile) {
  const Config config =
      accepted(whole_example, {"server.http=127.0.0.1:0", "server.default_camera=side", "camera.front.fps=15",
                               "camera.side.source=pattern:bars", "camera.side.size=640x480"});
  EXPECT_EQ(config.server.http, std::vector<std::string>{"127.0.0.1:0"});
  EXPECT_EQ(config.cameras[0].fps_milli, 15000);
  ASSERT_EQ(config.cameras.size(), 3u);
  EXPECT_EQ(config.cameras[2].id, "side");
  EXPECT_EQ(config.cameras[2].size, (Size{640, 480}));
}

TEST(Config, SetTakesBareWordsAndToml) {
  EXPECT_EQ(accepted("", {"server.http=8000"}).server.http, std::vector<std::string>{"8000"});
  EXPECT_EQ(accepted("", {"server.http=[\":1\", \":2\"]"}).server.http, (std::vector<std::string>{":1", ":2"}));
}

TEST(Config, SetIsRefusedByItsOwnWords) {
  EXPECT_THAT(refusal("", {"server.htp=:80"}),
              HasSubstr("--set server.htp: unknown key 'htp' in [server]; did you mean 'http'?"));
  EXPECT_THAT(refusal("", {"server.http"}), HasSubstr("is not section.key=value"));
  EXPECT_THAT(refusal("", {"camera.front.fps=15"}), HasSubstr("camera 'front' has no source"));
  EXPECT_THAT(refusal("", {"camera.fps=15"}), HasSubstr("camera.ID.key=value"));
}

TEST(Config, MessagesDoNotShowTheKey) {
  EXPECT_EQ(refusal("[server]\napi_key = [\"hunter2\"]\n").find("hunter2"), std::string::npos);
  EXPECT_EQ(refusal("", {"server.apikey=hunter2"}).find("hunter2"), std::string::npos);
}

TEST(Config, ReloadTellsWhatNeedsARestart) {
  ServerConfig running, wanted;
  wanted.http = {":9000"};
  wanted.allowed_hosts = {"cam.example"};
  EXPECT_EQ(keys_that_need_a_restart(running, wanted), std::vector<std::string>{"http"});
}

TEST(Config, ReservedListenersAreNamed) {
  EXPECT_EQ(listeners_not_served(accepted(whole_example).server), (std::vector<std::string>{"bundle", "bundle_unix"}));
}

TEST(Config, FileThatIsNotThereIsNamed) {
  auto config = load_config("/nonexistent/camweave.toml", {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message,
            "/nonexistent/camweave.toml: No such file or directory: give the configuration's path, or none at all");
  EXPECT_FALSE(load_config("/tmp", {}));
}

TEST(Config, CommittedReferencePageIsCurrent) {
  std::ifstream file(CAMWEAVE_SOURCE_DIR "/docs/reference/configuration.md");
  std::stringstream page;
  page << file.rdbuf();
  EXPECT_EQ(page.str(), configuration_reference())
      << "run: camweave check-config --reference > docs/reference/configuration.md";
}

TEST(CameraFieldsJson, SameFieldsSameChecks) {
  CameraConfig camera;
  camera.fps_milli = 30'000;
  EXPECT_FALSE(set_camera_fields({{"id", "a"}, {"source", "pattern:bars"}, {"controls", {{"gain", 2.0}}}}, camera));
  EXPECT_EQ(camera.id, "a");
  EXPECT_EQ(camera.fps_milli, 30'000) << "what is not named stays";
  EXPECT_EQ(camera.controls.at("gain"), ControlValue(2.0));
  for (const nlohmann::json& bad :
       {nlohmann::json{{"fps", "fast"}}, {{"sorce", "x"}}, {{"size", nullptr}}, {{"id", {1}}}}) {
    EXPECT_TRUE(set_camera_fields(bad, camera)) << bad;
  }
  EXPECT_EQ(set_camera_fields({{"sorce", "x"}}, camera)->key, "sorce");
}

TEST(NearestName, FindsSlipsOfThePen) {
  const std::vector<std::string_view> names{"source", "size", "fps"};
  EXPECT_EQ(nearest_name("suorce", names), "source");
  EXPECT_EQ(nearest_name("spf", names), "fps");
  EXPECT_EQ(nearest_name("resolution", names), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(100'000, 'a'), names), std::nullopt);
}

TEST(Config, PushesAreReadWithTheirDefaults) {
  const Config config = accepted(R"(
[[camera]]
id = "front"
source = "pattern:bars"
[publish.cam]
camera = "front"
url = "rtsps://user:p%40ss@media.example:8322/live"
size = ""
fps = 12.5
bitrate_kbps = 0
codec = "mjpeg"
start = false
tls_ca = "/etc/ca.pem"
tls_verify = false
[publish.bare]
)");
  ASSERT_EQ(config.publish.size(), 2u);
  PublishConfig bare;
  bare.name = "bare";
  EXPECT_EQ(config.publish[0], bare);
  EXPECT_EQ(bare.url, "rtsp://127.0.0.1:8554/cam");
  EXPECT_EQ(config.publish[1], (PublishConfig{"cam", "front", "rtsps://user:p%40ss@media.example:8322/live", {}, 12'500, 0, Codec::jpeg,
                                              false, "/etc/ca.pem", false}));
  EXPECT_EQ(accepted("", {"publish.cam.url=rtsp://h/x"}).publish.at(0).url, "rtsp://h/x");
}

TEST(Config, MistakesInPushesAreNamed) {
  EXPECT_THAT(refusal("[publish.cam]\nbitrate_kbp = 3\n"), HasSubstr("2:1: unknown key 'bitrate_kbp' in [publish.cam]"));
  EXPECT_THAT(refusal("[publish.cam]\ncodec = \"vp8\"\n"), HasSubstr("codec must be"));
  EXPECT_THAT(refusal("[publish]\nurl = \"rtsp://h/c\"\n"), HasSubstr("'url' stands in no [publish.NAME]"));
  EXPECT_THAT(refusal("[publish.Cam]\n"), HasSubstr("a push's name"));
  EXPECT_THAT(refusal("publish = 3\n"), HasSubstr("[publish.NAME]"));
  EXPECT_THAT(refusal("[[camera]]\nid = \"front\"\nsource = \"pattern:bars\"\n[publish.cam]\ncamera = \"frnt\"\n"),
              HasSubstr("[publish.cam]: camera 'frnt' is no camera's id"));
  const std::string bad_url = refusal("[publish.cam]\nurl = \"htp://u:hunter2@h/c\"\n");
  EXPECT_THAT(bad_url, HasSubstr("2:7: url: "));
  EXPECT_EQ(bad_url.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace camweave
