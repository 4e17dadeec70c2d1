// The fields of [publish.NAME].
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "control/config/fields.h"
#include "net/rtsp/rtsp_url.h"

namespace camweave {
namespace {

Error bad(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }
std::string in_quotes(std::string_view text) { return fmt::format("\"{}\"", text); }

Result<void> read_camera(const toml::node& value, PublishConfig& push) {
  const auto* text = value.as_string();
  if (!text || (!text->get().empty() && !is_camera_id(text->get())))
    return bad("camera must be a camera's id, or \"\" for the default camera");
  push.camera = text->get();
  return {};
}

// The message never repeats the address: it may hold a password.
Result<void> read_url(const toml::node& value, PublishConfig& push) {
  const auto* text = value.as_string();
  if (!text) return bad("url must be a string as \"rtsp://127.0.0.1:8554/cam\"");
  if (auto url = rtsp::parse_rtsp_url(text->get()); !url) return url.error();
  push.url = text->get();
  return {};
}

Result<void> read_size(const toml::node& value, PublishConfig& push) {
  const auto* text = value.as_string();
  if (!text) return bad("size must be a string as \"1280x720\", or \"\" for the camera's own");
  auto size = text->get().empty() ? Result<Size>(Size{}) : parse_size(text->get());
  if (!size) return size.error();
  push.size = *size;
  return {};
}

Result<void> read_fps(const toml::node& value, PublishConfig& push) {
  const auto fps = value.value<double>();
  constexpr double most_fps = 1000;
  if (!fps || !value.is_number() || !std::isfinite(*fps) || *fps < 0 || *fps > most_fps) {
    return bad("fps must be a number from 0 (the camera's own) to 1000");
  }
  push.fps_milli = static_cast<int>(std::lround(*fps * 1000));
  return {};
}

Result<void> read_bitrate(const toml::node& value, PublishConfig& push) {
  constexpr int64_t most_kbps = 1'000'000;
  const auto* whole = value.as_integer();
  if (!whole || whole->get() < 0 || whole->get() > most_kbps) {
    return bad("bitrate_kbps must be a whole number from 0 (by size and rate) to 1000000");
  }
  push.bitrate_kbps = static_cast<int>(whole->get());
  return {};
}

constexpr std::array codecs{Codec::h264, Codec::h265, Codec::jpeg};
constexpr std::array<std::string_view, 3> codec_words{"h264", "h265", "mjpeg"};

Result<void> read_codec(const toml::node& value, PublishConfig& push) {
  const auto* text = value.as_string();
  for (size_t i = 0; text && i < codecs.size(); ++i) {
    if (codec_words[i] != text->get()) continue;
    push.codec = codecs[i];
    return {};
  }
  return bad("codec must be \"h264\", \"h265\" or \"mjpeg\"");
}

std::string show_codec(const PublishConfig& push) {
  for (size_t i = 0; i < codecs.size(); ++i) {
    if (codecs[i] == push.codec) return in_quotes(codec_words[i]);
  }
  return {};
}

Result<void> read_tls_ca(const toml::node& value, PublishConfig& push) {
  const auto* text = value.as_string();
  if (!text) return bad("tls_ca must be the path of a PEM file, or \"\" for the system's store");
  push.tls_ca = text->get();
  return {};
}

template <bool PublishConfig::*member>
Result<void> read_flag(const toml::node& value, PublishConfig& push) {
  const auto* flag = value.as_boolean();
  if (!flag) return bad("the value must be true or false");
  push.*member = flag->get();
  return {};
}
template <bool PublishConfig::*member>
std::string show_flag(const PublishConfig& push) {
  return push.*member ? "true" : "false";
}

constexpr std::array publish_table{
    Field<PublishConfig>{"camera", "camera id", Reload::live, "Whose pictures; `\"\"` for the default camera.",
                         read_camera, [](const PublishConfig& push) { return in_quotes(push.camera); }},
    Field<PublishConfig>{
        "url", "`rtsp://` or `rtsps://` address", Reload::live,
        "Where to. `rtsp://USER:PASSWORD@HOST:PORT/PATH`; the password is never shown. What is no letter or "
        "digit in user and password is written as `%40`.",
        read_url, [](const PublishConfig& push) { return in_quotes(push.url); }},
    Field<PublishConfig>{
        "size", "string", Reload::live, "Width and height, never above the camera's; `\"\"` for the camera's own.",
        read_size, [](const PublishConfig& push) { return in_quotes(push.size.empty() ? "" : to_string(push.size)); }},
    Field<PublishConfig>{"fps", "number", Reload::live,
                         "Frames a second, never above the camera's; 0 for the camera's own.", read_fps,
                         [](const PublishConfig& push) { return fmt::format("{:g}", push.fps_milli / 1000.0); }},
    Field<PublishConfig>{"bitrate_kbps", "number", Reload::live,
                         "In kbit/s, of what we encode; 0 for one by size and rate.", read_bitrate,
                         [](const PublishConfig& push) { return std::to_string(push.bitrate_kbps); }},
    Field<PublishConfig>{"codec", "`h264`, `h265` or `mjpeg`", Reload::live,
                         "`h265` only where the camera itself gives it.", read_codec, show_codec},
    Field<PublishConfig>{"start", "boolean", Reload::live,
                         "Whether it begins when the server starts; a user's start or stop is remembered and wins.",
                         read_flag<&PublishConfig::start>, show_flag<&PublishConfig::start>},
    Field<PublishConfig>{"tls_ca", "path", Reload::live,
                         "For `rtsps://`: a PEM file with the certificates to trust; `\"\"` for the system's store.",
                         read_tls_ca, [](const PublishConfig& push) { return in_quotes(push.tls_ca); }},
    Field<PublishConfig>{"tls_verify", "boolean", Reload::live,
                         "`false` takes any certificate: whoever sits between then sees the password and the pictures.",
                         read_flag<&PublishConfig::tls_verify>, show_flag<&PublishConfig::tls_verify>},
};

}  // namespace

std::span<const Field<PublishConfig>> publish_fields() { return publish_table; }

}  // namespace camweave
