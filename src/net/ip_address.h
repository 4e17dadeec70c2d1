// IpAddress: an IPv4 or IPv6 address without a port; an IPv4-mapped IPv6 address is the IPv4 one. Immutable; pure.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

struct sockaddr;
struct sockaddr_storage;

namespace camweave {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0

  // "192.0.2.1", "2001:db8::1", with or without brackets; a zone (%eth0) is cut off.
  static Result<IpAddress> parse(std::string_view text);
  static IpAddress from_socket_address(
      const sockaddr& address);  // neither AF_INET nor AF_INET6: loopback (UNIX sockets)

  sockaddr_storage to_socket_address(uint16_t port, bool as_v6 = false) const;

  bool is_v4() const;
  bool is_loopback() const;
  // RFC 1918, RFC 4193 (fc00::/7), and link-local (169.254/16, fe80::/10).
  bool is_private() const;
  std::string to_string() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};  // IPv4 in its mapped form
};

// Where a listener listens: "0.0.0.0:8000", "[::]:8000", ":8000" (every address), "8000". Port 0: the system chooses.
struct ListenAddress {
  IpAddress address;
  uint16_t port = 0;
  bool dual_stack = false;  // [::] and ":8000": IPv4 as well
  std::string to_string() const;
};
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace camweave
