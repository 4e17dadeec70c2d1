// Basic and Digest authentication for RTSP (RFC 2617, MD5 as RTSP clients use it). Thread-safe: immutable. Without a password
// configured there are no credentials and the server is in protected mode: only loopback, private and link-local peers.
#pragma once

#include <string>
#include <string_view>

#include "net/rtsp/rtsp_message.h"

namespace camweave::rtsp {

class Authenticator {
 public:
  // Any user name with this password; "" for none.
  explicit Authenticator(std::string password) : password_(std::move(password)) {}

  bool is_protected() const { return password_.empty(); }

  // Whether the request proves the password. `nonce`: the connection's own.
  bool accepts(const Request& request, std::string_view nonce) const;

  // The two WWW-Authenticate headers, Digest first.
  static Headers challenges(std::string_view nonce);
  static std::string make_nonce();

 private:
  bool accepts_basic(std::string_view credentials) const;
  bool accepts_digest(std::string_view parameters, const Request& request, std::string_view nonce) const;

  const std::string password_;
};

// The client's side, for the publisher: an Authorization header for a WWW-Authenticate challenge (Basic; Digest with MD5 or
// SHA-256, with and without qop=auth); "" when it can't be met. `url`: that of the request, without credentials.
std::string authorization(std::string_view challenge, std::string_view method, std::string_view url, std::string_view user,
                          std::string_view password);
// Whether a challenge refuses only the nonce, not the password: the same request may be signed once more.
bool says_stale(std::string_view challenge);

}  // namespace camweave::rtsp
