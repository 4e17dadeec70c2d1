// The server's side of the WebSocket handshake (RFC 6455 section 4). Pure.
#pragma once

#include <string>
#include <string_view>

#include "net/http_message.h"

namespace camweave::websocket {

// Sec-WebSocket-Accept for a key.
std::string accept_value(std::string_view key);

// 101 with its headers; 400 for a bad key, 426 with Sec-WebSocket-Version: 13 for another version. No extension and no
// subprotocol is taken.
HttpResponse answer_upgrade(const HttpRequest& request);

}  // namespace camweave::websocket
