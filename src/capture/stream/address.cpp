#include "capture/stream/address.h"

#include <algorithm>
#include <cctype>

#include "media/source_uri.h"

namespace camweave::stream_driver {
namespace {

Error refused(const char* why) { return Error{ErrorCode::invalid_argument, std::string("the address ") + why}; }

bool is_bad_in_request(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }

Result<void> read_user(std::string_view user_info, Address& address) {
  const size_t colon = user_info.find(':');
  auto user = percent_decode(user_info.substr(0, colon));
  auto password = percent_decode(colon == std::string_view::npos ? "" : user_info.substr(colon + 1));
  if (!user || !password) return refused("has a bad % escape in its user or password");
  address.user = *std::move(user);
  address.password = *std::move(password);
  return {};
}

Result<void> read_host(std::string_view host_and_port, Address& address) {
  std::string_view host = host_and_port, port;
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return refused("has an open bracket");
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
    if (!port.empty() && port.front() != ':') return refused("has something behind the bracket");
  } else if (const size_t colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (!port.empty()) port.remove_prefix(1);
  const bool is_number = std::ranges::all_of(port, [](unsigned char c) { return std::isdigit(c); });
  if (!is_number || port.size() > 5 ||
      (!port.empty() && (std::stoi(std::string(port)) > 65535 || std::stoi(std::string(port)) == 0))) {
    return refused("has a port that is none");
  }
  if (host.empty() || std::ranges::any_of(host, is_bad_in_request)) return refused("has no host");
  address.host = host;
  address.port = port;
  return {};
}

}  // namespace

std::string Address::host_header() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port.empty() ? name : name + ":" + port;
}

Result<Address> parse_address(std::string_view url) {
  const size_t colon = url.find("://");
  if (colon == std::string_view::npos || colon == 0) return refused("has no '://'");
  Address address;
  address.scheme = url.substr(0, colon);
  std::ranges::transform(address.scheme, address.scheme.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view rest = url.substr(colon + 3);
  const size_t end = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, end);
  if (end != std::string_view::npos) {
    const std::string_view target = rest.substr(end, rest.find('#') - end);
    address.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    if (std::ranges::any_of(address.target, is_bad_in_request)) return refused("holds a space or a control character");
  }
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (auto read = read_user(authority.substr(0, at), address); !read) return read.error();
    authority.remove_prefix(at + 1);
  }
  if (auto read = read_host(authority, address); !read) return read.error();
  return address;
}

Result<Address> resolve_location(const Address& from, std::string_view location) {
  if (location.find("://") == std::string_view::npos) {
    if (!location.starts_with('/') || location.starts_with("//"))
      return refused("that it redirects to is not understood");
    const std::string base = from.scheme + "://" + from.host_header();
    auto same = parse_address(base + std::string(location));
    if (!same) return same;
    same->user = from.user;
    same->password = from.password;
    return same;
  }
  auto address = parse_address(location);
  if (!address) return address;
  address->user.clear();
  address->password.clear();
  if (address->host == from.host && address->scheme == from.scheme && address->port == from.port) {
    address->user = from.user;
    address->password = from.password;
  }
  return address;
}

}  // namespace camweave::stream_driver
