#include "net/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace camweave {

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string whole(text);
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  const std::string plain(text.substr(0, text.find('%')));
  IpAddress address;
  if (::inet_pton(AF_INET, plain.c_str(), &address.bytes_[12]) == 1) return address;
  if (::inet_pton(AF_INET6, plain.c_str(), address.bytes_.data()) == 1) return address;
  return Error{ErrorCode::invalid_argument, "'" + whole + "' is not an IP address"};
}

IpAddress IpAddress::from_socket_address(const sockaddr& address) {
  IpAddress result;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(&result.bytes_[12], &v4.sin_addr, 4);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(result.bytes_.data(), &v6.sin6_addr, 16);
  } else {
    result.bytes_[12] = 127;
    result.bytes_[15] = 1;
  }
  return result;
}

bool IpAddress::is_v4() const {
  return bytes_[10] == 0xff && bytes_[11] == 0xff &&
         std::all_of(bytes_.begin(), bytes_.begin() + 10, [](uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[12] == 127;
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.begin() + 15, [](uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_private() const {
  if (is_v4()) {
    const uint8_t a = bytes_[12], b = bytes_[13];
    return a == 10 || (a == 172 && (b & 0xf0) == 16) || (a == 192 && b == 168) || (a == 169 && b == 254);
  }
  return (bytes_[0] & 0xfe) == 0xfc || (bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80);
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4()) return ::inet_ntop(AF_INET, &bytes_[12], text.data(), text.size());
  return ::inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
}

sockaddr_storage IpAddress::to_socket_address(uint16_t port, bool as_v6) const {
  sockaddr_storage storage{};
  if (is_v4() && !as_v6) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, &bytes_[12], 4);
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, bytes_.data(), 16);
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return storage;
}

std::string ListenAddress::to_string() const {
  const std::string host = address.to_string();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const Error bad{ErrorCode::invalid_argument,
                  "'" + std::string(text) + "' is not an address to listen on: write 0.0.0.0:8000, [::]:8000 or :8000"};
  const size_t colon = text.rfind(':');
  const std::string_view port_text = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const std::string_view host = colon == std::string_view::npos ? "" : text.substr(0, colon);
  ListenAddress listen;
  const auto [end, problem] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), listen.port);
  if (port_text.empty() || problem != std::errc() || end != port_text.data() + port_text.size()) return bad;
  if (!host.empty() && host.front() != '[' && host.find(':') != std::string_view::npos) return bad;
  auto address = IpAddress::parse(host.empty() ? "::" : host);
  if (!address) return bad;
  listen.address = *address;
  listen.dual_stack = host.empty() || host == "[::]";
  return listen;
}

}  // namespace camweave
