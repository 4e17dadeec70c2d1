// The opening of an HTTP exchange with a camera: request, login, redirects, until the body begins. Blocks, on the
// driver thread.
#pragma once

#include "capture/stream/address.h"
#include "capture/stream/connection.h"
#include "capture/stream/http_response.h"

namespace camweave::stream_driver {

struct HttpExchange {
  Connection connection;
  ResponseHead head;
  std::vector<std::byte> begun;  // of the body: what came with the head
};

// GET with `extra_lines` (each ending in \r\n). Logs in where asked to and follows up to 3 redirects. A status other
// than `wanted_status` is an error that names it.
Result<HttpExchange> http_get(Address address, const std::string& extra_lines, int wanted_status);

// The connection for an address: plain or with TLS, its port or the scheme's.
Result<Connection> connect_to(const Address& address);

}  // namespace camweave::stream_driver
