#include "control/config/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>

#include "control/config/nearest_name.h"
#include "media/source_uri.h"
#include "net/ip_address.h"

namespace camweave {
namespace {

Error bad(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }
std::string quoted_list(const std::vector<std::string>& list) {
  std::vector<std::string> parts;
  for (const auto& text : list) parts.push_back(in_quotes(text));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

// ---- readers of one TOML value; `what` is how the message calls it ----

Result<std::string> read_text(const toml::node& value, std::string_view what) {
  if (const auto* text = value.as_string()) return text->get();
  return bad(fmt::format("{} must be a string", what));
}

Result<std::vector<std::string>> read_text_list(const toml::node& value, std::string_view what) {
  std::vector<std::string> list;
  const auto* array = value.as_array();
  if (!array) return bad(fmt::format("{} must be a list of strings", what));
  for (const toml::node& element : *array) {
    const auto* text = element.as_string();
    if (!text) return bad(fmt::format("{} must be a list of strings", what));
    list.push_back(text->get());
  }
  return list;
}

template <typename Enum, size_t N>
Result<Enum> read_word(const toml::node& value, std::string_view what, const std::array<Enum, N>& values,
                       const std::array<std::string_view, N>& words) {
  auto text = read_text(value, what);
  if (!text) return text.error();
  for (size_t i = 0; i < N; ++i) {
    if (words[i] == *text) return values[i];
  }
  return bad(fmt::format("{} can't be \"{}\"{}", what, *text, did_you_mean(*text, words)));
}

Result<ControlValue> read_control(const toml::node& value, std::string_view name) {
  if (const auto* flag = value.as_boolean()) return ControlValue(flag->get());
  if (const auto* whole = value.as_integer()) return ControlValue(whole->get());
  if (const auto* real = value.as_floating_point()) return ControlValue(real->get());
  if (const auto* text = value.as_string()) return ControlValue(text->get());
  return bad(fmt::format("control '{}' must be true, false, a number or an option's name", name));
}

// ---- [server] ----

template <std::string ServerConfig::*member>
Result<void> read_server_text(const toml::node& value, ServerConfig& server) {
  auto text = read_text(value, "the value");
  if (!text) return text.error();
  server.*member = std::move(*text);
  return {};
}
template <std::string ServerConfig::*member>
std::string show_server_text(const ServerConfig& server) {
  return in_quotes(server.*member);
}

// An address, or "" for a listener that is switched off.
template <std::string ServerConfig::*member>
Result<void> read_listener(const toml::node& value, ServerConfig& server) {
  auto text = read_text(value, "a listener");
  if (!text) return text.error();
  if (!text->empty()) {
    if (auto address = parse_listen_address(*text); !address) return address.error();
  }
  server.*member = std::move(*text);
  return {};
}

template <std::vector<std::string> ServerConfig::*member>
Result<void> read_server_list(const toml::node& value, ServerConfig& server) {
  auto list = read_text_list(value, "the value");
  if (!list) return list.error();
  server.*member = std::move(*list);
  return {};
}
template <std::vector<std::string> ServerConfig::*member>
std::string show_server_list(const ServerConfig& server) {
  return quoted_list(server.*member);
}

Result<void> read_http(const toml::node& value, ServerConfig& server) {
  std::vector<std::string> listed;
  if (const auto* one = value.as_string()) {
    if (!one->get().empty()) listed.push_back(one->get());
  } else {
    auto list = read_text_list(value, "http");
    if (!list) return bad("http must be an address as \"0.0.0.0:8000\", a list of them, or \"\" for none");
    listed = std::move(*list);
  }
  for (const std::string& text : listed) {
    if (auto address = parse_listen_address(text); !address) return address.error();
  }
  server.http = std::move(listed);
  return {};
}
std::string show_http(const ServerConfig& server) {
  return server.http.size() == 1 ? in_quotes(server.http.front()) : quoted_list(server.http);
}

Result<void> read_default_camera(const toml::node& value, ServerConfig& server) {
  auto text = read_text(value, "default_camera");
  if (!text) return text.error();
  if (!text->empty() && !is_camera_id(*text)) return bad("default_camera must be a camera's id, or \"\" for the first");
  server.default_camera = std::move(*text);
  return {};
}

constexpr std::array health_values{HealthStyle::plain, HealthStyle::camera_control};
constexpr std::array<std::string_view, 2> health_words{"plain", "camera-control"};
Result<void> read_health(const toml::node& value, ServerConfig& server) {
  auto style = read_word(value, "health", health_values, health_words);
  if (!style) return style.error();
  server.health = *style;
  return {};
}
std::string show_health(const ServerConfig& server) { return in_quotes(health_words[static_cast<size_t>(server.health)]); }

constexpr std::array gop_cache_values{GopCache::automatic, GopCache::on, GopCache::off};
constexpr std::array<std::string_view, 3> gop_cache_words{"auto", "on", "off"};
Result<void> read_gop_cache(const toml::node& value, ServerConfig& server) {
  auto policy = read_word(value, "gop_cache", gop_cache_values, gop_cache_words);
  if (!policy) return policy.error();
  server.gop_cache = *policy;
  return {};
}
std::string show_gop_cache(const ServerConfig& server) { return in_quotes(gop_cache_words[static_cast<size_t>(server.gop_cache)]); }

constexpr std::array log_values{LogFormat::text, LogFormat::json};
constexpr std::array<std::string_view, 2> log_words{"text", "json"};
Result<void> read_log(const toml::node& value, ServerConfig& server) {
  auto format = read_word(value, "log", log_values, log_words);
  if (!format) return format.error();
  server.log = *format;
  return {};
}
std::string show_log(const ServerConfig& server) { return in_quotes(log_words[static_cast<size_t>(server.log)]); }

constexpr std::array level_values{LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error};
constexpr std::array<std::string_view, 4> level_words{"debug", "info", "warning", "error"};
Result<void> read_log_level(const toml::node& value, ServerConfig& server) {
  auto level = read_word(value, "log_level", level_values, level_words);
  if (!level) return level.error();
  server.log_level = *level;
  return {};
}
std::string show_log_level(const ServerConfig& server) { return in_quotes(to_string(server.log_level)); }

constexpr std::string_view reserved = "Reserved: this version reads the key and does not listen there.";

constexpr std::array server_table{
    Field<ServerConfig>{"http", "address or list of addresses", Reload::restart,
                        "Where HTTP and WebSocket listen; `\"\"` for nowhere.", read_http, show_http},
    Field<ServerConfig>{"bundle", "address", Reload::restart, reserved, read_listener<&ServerConfig::bundle>,
                        show_server_text<&ServerConfig::bundle>},
    Field<ServerConfig>{"raw_tcp", "address", Reload::restart, reserved, read_listener<&ServerConfig::raw_tcp>,
                        show_server_text<&ServerConfig::raw_tcp>},
    Field<ServerConfig>{
        "rtsp", "address", Reload::restart,
        "Where RTSP listens; `\"\"` for nowhere. The API key is its password, with any user name.",
        read_listener<&ServerConfig::rtsp>, show_server_text<&ServerConfig::rtsp>},
    Field<ServerConfig>{"gop_cache", "`auto`, `on` or `off`", Reload::restart,
                        "How a new RTSP reader gets its first picture: `on` the pictures since the last keyframe at once, "
                        "`off` the next keyframe, `auto` the first for streams that a camera encodes itself, the second "
                        "(made for the reader) for those that this server encodes. See [RTSP](rtsp.md).",
                        read_gop_cache, show_gop_cache},
    Field<ServerConfig>{"webrtc", "address", Reload::restart, reserved, read_listener<&ServerConfig::webrtc>,
                        show_server_text<&ServerConfig::webrtc>},
    Field<ServerConfig>{"bundle_unix", "path", Reload::restart, reserved, read_server_text<&ServerConfig::bundle_unix>,
                        show_server_text<&ServerConfig::bundle_unix>},
    Field<ServerConfig>{"state_dir", "path", Reload::restart,
                        "Where settings that users change are kept. `\"\"`: systemd's state directory, else "
                        "`/var/lib/camweave`; without a configuration file `$XDG_STATE_HOME/camweave`.",
                        read_server_text<&ServerConfig::state_dir>, show_server_text<&ServerConfig::state_dir>},
    Field<ServerConfig>{"default_camera", "camera id", Reload::live,
                        "The camera of the paths that name none; `\"\"` for the first.", read_default_camera,
                        show_server_text<&ServerConfig::default_camera>},
    Field<ServerConfig>{"health", "`plain` or `camera-control`", Reload::live, "What `GET /health` answers.",
                        read_health, show_health},
    Field<ServerConfig>{"api_key", "string", Reload::live,
                        "Asked for in `X-API-Key`. Without one the server is in protected mode: only loopback, private "
                        "and link-local addresses are served.",
                        read_server_text<&ServerConfig::api_key>, show_server_text<&ServerConfig::api_key>},
    Field<ServerConfig>{"allowed_origins", "list of strings", Reload::live,
                        "Other sites whose pages may use this server (`\"https://app.example\"`); `\"null\"` for a "
                        "WebView or `file://`, `\"*\"` for any.",
                        read_server_list<&ServerConfig::allowed_origins>,
                        show_server_list<&ServerConfig::allowed_origins>},
    Field<ServerConfig>{"allowed_hosts", "list of strings", Reload::live,
                        "Names by which this server may be addressed, besides IP addresses, localhost and this "
                        "machine's name; `\"*\"` for any.",
                        read_server_list<&ServerConfig::allowed_hosts>, show_server_list<&ServerConfig::allowed_hosts>},
    Field<ServerConfig>{"log", "`text` or `json`", Reload::restart, "Lines for people, or one JSON object a line.",
                        read_log, show_log},
    Field<ServerConfig>{"log_level", "`debug`, `info`, `warning` or `error`", Reload::restart,
                        "The least that is logged.", read_log_level, show_log_level},
};

// ---- [[camera]] ----

Result<void> read_id(const toml::node& value, CameraConfig& camera) {
  auto text = read_text(value, "id");
  if (!text) return text.error();
  if (!is_camera_id(*text)) return bad("id must be 1 to 32 of a-z, 0-9, _ and -");
  camera.id = std::move(*text);
  return {};
}

Result<void> read_source(const toml::node& value, CameraConfig& camera) {
  auto text = read_text(value, "source");
  if (!text) return text.error();
  if (auto uri = parse_source_uri(*text); !uri) return uri.error();
  camera.source = std::move(*text);
  return {};
}

Result<void> read_size(const toml::node& value, CameraConfig& camera) {
  auto text = read_text(value, "size");
  if (!text) return bad("size must be a string as \"1280x720\"");
  if (text->empty()) {
    camera.size = {};
    return {};
  }
  auto size = parse_size(*text);
  if (!size) return size.error();
  camera.size = *size;
  return {};
}
std::string show_size(const CameraConfig& camera) {
  return camera.size.empty() ? "\"\"" : in_quotes(to_string(camera.size));
}

Result<void> read_fps(const toml::node& value, CameraConfig& camera) {
  const auto fps = value.value<double>();
  constexpr double most_fps = 1000;
  if (!fps || !value.is_number() || !std::isfinite(*fps) || *fps < 0 || *fps > most_fps) {
    return bad("fps must be a number from 0 (the camera's choice) to 1000");
  }
  camera.fps_milli = static_cast<int>(std::lround(*fps * 1000));
  return {};
}
std::string show_fps(const CameraConfig& camera) { return fmt::format("{:g}", camera.fps_milli / 1000.0); }

Result<void> read_controls(const toml::node& value, CameraConfig& camera) {
  const auto* table = value.as_table();
  if (!table) return bad("controls must be a table as { exposure_us = 8000, gain = 2.0 }");
  ControlValues controls;
  for (const auto& [name, node] : *table) {
    auto control = read_control(node, name.str());
    if (!control) return control.error();
    controls.emplace(name.str(), std::move(*control));
  }
  camera.controls = std::move(controls);
  return {};
}

constexpr std::array capture_values{false, true};
constexpr std::array<std::string_view, 2> capture_words{"always", "on_demand"};
Result<void> read_capture(const toml::node& value, CameraConfig& camera) {
  auto on_demand = read_word(value, "capture", capture_values, capture_words);
  if (!on_demand) return on_demand.error();
  camera.capture_on_demand = *on_demand;
  return {};
}
std::string show_capture(const CameraConfig& camera) { return in_quotes(capture_words[camera.capture_on_demand ? 1 : 0]); }

Result<void> read_enabled(const toml::node& value, CameraConfig& camera) {
  const auto* flag = value.as_boolean();
  if (!flag) return bad("enabled must be true or false");
  camera.enabled = flag->get();
  return {};
}

std::string show_nothing(const CameraConfig&) { return ""; }

constexpr std::array camera_table{
    Field<CameraConfig>{"id", "string", Reload::live,
                        "The camera's name in every path: 1 to 32 of `a-z`, `0-9`, `_` and `-`. Needed.", read_id,
                        show_nothing},
    Field<CameraConfig>{"source", "string", Reload::live, "Where its pictures come from. Needed.", read_source,
                        show_nothing},
    Field<CameraConfig>{"size", "string", Reload::live,
                        "Wanted width and height, as `\"1280x720\"`; `\"\"` for the camera's choice.", read_size,
                        show_size},
    Field<CameraConfig>{"fps", "number", Reload::live, "Wanted frames a second; 0 for the camera's choice.", read_fps,
                        show_fps},
    Field<CameraConfig>{"controls", "table", Reload::live,
                        "Values to set when the camera opens; what a user sets later wins.", read_controls,
                        [](const CameraConfig&) -> std::string { return "{}"; }},
    Field<CameraConfig>{"capture", "`always` or `on_demand`", Reload::live,
                        "Whether the device also runs while nobody watches (a faster first picture).", read_capture,
                        show_capture},
    Field<CameraConfig>{"enabled", "boolean", Reload::live, "`false` keeps the entry and leaves the device alone.",
                        read_enabled,
                        [](const CameraConfig& camera) -> std::string { return camera.enabled ? "true" : "false"; }},
};

}  // namespace

std::span<const Field<ServerConfig>> server_fields() { return server_table; }
std::span<const Field<CameraConfig>> camera_fields() { return camera_table; }

}  // namespace camweave
