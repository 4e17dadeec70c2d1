// The Authorization field that answers a camera's challenge: Basic (RFC 7617) or Digest (RFC 7616; MD5 and SHA-256).
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "capture/stream/http_response.h"

namespace camweave::stream_driver {

struct AuthorizationRequest {
  std::string user, password;
  std::string method, target;
  std::string client_nonce;  // random
};

// The best of the challenges in the response's fields; `unsupported` where none is known.
Result<std::string> answer_challenge(const Fields& fields, const AuthorizationRequest& request);

}  // namespace camweave::stream_driver
