// Address: a network source's URL taken apart. Pure; fuzzed.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace camweave::stream_driver {

struct Address {
  std::string scheme;          // lower case: "http", "ws+bundle", …
  std::string user, password;  // decoded; never to be shown
  std::string host;            // without the brackets of an IPv6 address
  std::string port;            // a number, or "" where none is given
  std::string target = "/";    // path and query, as written

  std::string host_header() const;  // "host:port", with brackets where needed
};

Result<Address> parse_address(std::string_view url);

// Where a redirect's Location leads, seen from `from`. User and password stay only with the same host and scheme.
Result<Address> resolve_location(const Address& from, std::string_view location);

}  // namespace camweave::stream_driver
