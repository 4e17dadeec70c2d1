// Config: what the operator wrote in camweave.toml, checked (docs/reference/configuration.md). Plain values, no I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "stream/cameras.h"
#include "stream/gop_cache.h"

namespace camweave {

enum class HealthStyle { plain, camera_control };
enum class LogFormat { text, json };

struct ServerConfig {
  std::vector<std::string> http{"0.0.0.0:8000"};
  std::string rtsp = "0.0.0.0:8553";
  // Listeners that later versions serve; kept so that one file fits all versions.
  std::string bundle;
  std::string raw_tcp;
  std::string webrtc;
  std::string bundle_unix;
  std::string state_dir;  // "": by the rules of state_directory()
  std::string default_camera;
  HealthStyle health = HealthStyle::plain;
  std::string api_key;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> allowed_hosts;
  GopCache gop_cache = GopCache::automatic;
  LogFormat log = LogFormat::text;
  LogLevel log_level = LogLevel::info;
  bool operator==(const ServerConfig&) const = default;
};

using CameraConfig = CameraRequestToAdd;
bool same_camera(const CameraConfig& a, const CameraConfig& b);

// One [publish.NAME]: a camera's pictures pushed to another RTSP server. The defaults are also those of a push that a client
// starts without an entry.
struct PublishConfig {
  std::string name;
  std::string camera;  // "": the default camera
  std::string url = "rtsp://127.0.0.1:8554/cam";
  Size size{1920, 1080};
  int fps_milli = 30'000;
  int bitrate_kbps = 8000;
  Codec codec = Codec::h264;
  bool start = true;
  std::string tls_ca;  // PEM file; "": the system's store
  bool tls_verify = true;
  bool operator==(const PublishConfig&) const = default;
};

struct Config {
  std::string path;  // "" without a file
  ServerConfig server;
  std::vector<CameraConfig> cameras;  // in the file's order; ids differ
  std::vector<PublishConfig> publish; // by name; names differ
};

// [a-z0-9_-]{1,32}; names of pushes, too
bool is_camera_id(std::string_view text);

// Parses the text of a configuration file, then applies the --set words ("server.http=:5000", "camera.front.fps=15": a
// camera that is not there yet is added). Pure. An error is one line with file, line, column and the nearest valid
// name.
Result<Config> parse_config(std::string_view text, std::string_view file_name,
                            const std::vector<std::string>& sets = {});

// The keys of [server] that differ and only take effect at the next start.
std::vector<std::string> keys_that_need_a_restart(const ServerConfig& running, const ServerConfig& wanted);
// The listeners that are configured though this version doesn't serve them.
std::vector<std::string> listeners_not_served(const ServerConfig& server);

// docs/reference/configuration.md, from the same table of fields.
std::string configuration_reference();

}  // namespace camweave
