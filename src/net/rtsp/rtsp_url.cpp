#include "net/rtsp/rtsp_url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "media/source_uri.h"

namespace camweave::rtsp {
namespace {

constexpr size_t most_url_bytes = 2048;
constexpr size_t most_host_bytes = 253;  // RFC 1035

Error bad(std::string_view why) { return {ErrorCode::invalid_argument, fmt::format("no RTSP address: {}", why)}; }

bool is_plain(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\'; });
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= most_host_bytes && text.front() != '-' &&
         std::ranges::all_of(text, [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
         });
}

// A control character would end up in a header or in a log.
Result<std::string> decode_credential(std::string_view text) {
  auto decoded = percent_decode(text);
  if (!decoded ||
      std::ranges::any_of(*decoded, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return bad("the user or the password holds a bad %-escape");
  }
  return decoded;
}

Result<void> read_credentials(std::string_view text, RtspUrl& url) {
  const size_t colon = text.find(':');
  auto user = decode_credential(text.substr(0, colon));
  auto password = decode_credential(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
  if (!user) return user.error();
  if (!password) return password.error();
  if (user->find(':') != std::string::npos) return bad("a user's name can't have a colon");
  url.user = *std::move(user);
  url.password = *std::move(password);
  url.has_credentials = true;
  return {};
}

Result<void> read_port(std::string_view text, RtspUrl& url) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), url.port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || url.port == 0) {
    return bad("the port must be from 1 to 65535");
  }
  return {};
}

Result<void> read_host(std::string_view text, RtspUrl& url) {
  url.port = url.tls ? default_tls_port : default_port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    in6_addr address{};
    url.host = text.substr(1, end == std::string_view::npos ? end : end - 1);
    if (end == std::string_view::npos || ::inet_pton(AF_INET6, url.host.c_str(), &address) != 1)
      return bad("a bad IPv6 address");
    text.remove_prefix(end + 1);
    if (text.empty()) return {};
    return text.front() == ':' ? read_port(text.substr(1), url) : bad("something stands behind the IPv6 address");
  }
  const size_t colon = text.find(':');
  url.host = text.substr(0, colon);
  if (!is_host_name(url.host)) return bad("a bad host name");
  return colon == std::string_view::npos ? Result<void>() : read_port(text.substr(colon + 1), url);
}

}  // namespace

Result<RtspUrl> parse_rtsp_url(std::string_view text) {
  if (text.size() > most_url_bytes) return bad("over 2048 characters");
  if (!is_plain(text)) return bad("a space or another character that must be %-escaped");
  RtspUrl url;
  url.tls = text.starts_with("rtsps://");
  if (!url.tls && !text.starts_with("rtsp://")) return bad("it must begin with rtsp:// or rtsps://");
  const std::string_view scheme = text.substr(0, text.find("://") + 3);
  text.remove_prefix(scheme.size());
  if (text.find('#') != std::string_view::npos) return bad("it can't have a # part");
  const size_t path_begin = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, path_begin);
  std::string_view path = text.substr(path_begin);
  // The last @: a password may hold one that somebody forgot to escape.
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (auto read = read_credentials(authority.substr(0, at), url); !read) return read.error();
    authority.remove_prefix(at + 1);
  }
  if (path.find('@') < path.find('?')) return bad("a / in the user or the password must be written %2F");
  if (auto read = read_host(authority, url); !read) return read.error();
  while (path.ends_with('/')) path.remove_suffix(1);
  url.request_url = fmt::format("{}{}{}", scheme, authority, path);
  url.redacted = redact_url(fmt::format("{}{}{}{}", scheme, url.has_credentials ? "***@" : "", authority, path));
  return url;
}

}  // namespace camweave::rtsp
