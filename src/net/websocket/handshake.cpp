#include "net/websocket/handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace camweave::websocket {
namespace {

// 16 bytes in base64: 22 characters and two signs of equality.
bool is_valid_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  return std::ranges::all_of(key.substr(0, 22), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

}  // namespace

std::string accept_value(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int digest_bytes = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &digest_bytes, EVP_sha1(), nullptr);
  std::array<unsigned char, 32> base64{};
  const int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest_bytes));
  return std::string(reinterpret_cast<const char*>(base64.data()), static_cast<size_t>(length));
}

HttpResponse answer_upgrade(const HttpRequest& request) {
  if (request.header("Sec-WebSocket-Version") != "13") {
    auto refusal = detail_response(426, "only version 13 of WebSocket is spoken here");
    refusal.with("Sec-WebSocket-Version", "13").with("Upgrade", "websocket");
    return refusal;
  }
  if (!is_valid_key(request.header("Sec-WebSocket-Key")))
    return detail_response(400, "a bad or missing Sec-WebSocket-Key");
  HttpResponse response;
  response.status = 101;
  response.with("Upgrade", "websocket").with("Sec-WebSocket-Accept", accept_value(request.header("Sec-WebSocket-Key")));
  return response;
}

}  // namespace camweave::websocket
