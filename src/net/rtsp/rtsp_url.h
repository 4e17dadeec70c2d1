// RtspUrl: the address of a stream on another server, rtsp://user:password@host:port/path, taken apart. Pure; fuzzed.
// No message of a refusal repeats the text: it may hold a password.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace camweave::rtsp {

inline constexpr uint16_t default_port = 554;
inline constexpr uint16_t default_tls_port = 322;  // RFC 7826

struct RtspUrl {
  bool tls = false;  // rtsps://
  std::string host;  // a name, an IPv4 address, or an IPv6 address without its brackets
  uint16_t port = default_port;
  std::string user;      // decoded; a secret like the password
  std::string password;  // decoded
  bool has_credentials = false;
  std::string request_url;  // what requests name: without user and password, no "/" at the end
  std::string redacted;     // what people are shown: secrets replaced by ***
  bool operator==(const RtspUrl&) const = default;
};

Result<RtspUrl> parse_rtsp_url(std::string_view text);

}  // namespace camweave::rtsp
