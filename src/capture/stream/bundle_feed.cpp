// One camera out of another Camweave's FrameBundles, over a WebSocket.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <charconv>
#include <random>

#include "capture/stream/bundle_reader.h"
#include "capture/stream/http_client.h"
#include "capture/stream/jpeg_intake.h"

namespace camweave::stream_driver {
namespace {

class BundleFeed final : public Feed {
 public:
  BundleFeed(HttpExchange exchange, uint16_t index, const Clock& clock)
      : connection_(std::move(exchange.connection)),
        begun_(std::move(exchange.begun)),
        index_(index),
        intake_(clock),
        buffer_(128 * 1024) {}

  void watch(const StopSignal* stop) override { connection_.watch(stop); }
  uint64_t take_damaged() override { return intake_.take_damaged(); }
  Result<void> receive(bool pixels_wanted, const Pictures& pictures) override;

 private:
  Result<void> take(const WebSocketReader::Message& message, bool pixels_wanted, const Pictures& pictures);
  Result<void> take_bundle(std::span<const std::byte> bundle, bool pixels_wanted, const Pictures& pictures);

  Connection connection_;
  std::vector<std::byte> begun_;
  const uint16_t index_;
  WebSocketReader reader_;
  JpegIntake intake_;
  std::vector<std::byte> buffer_;
  std::random_device random_;
};

Result<void> BundleFeed::receive(bool pixels_wanted, const Pictures& pictures) {
  std::span<const std::byte> bytes;
  const auto begun = std::exchange(begun_, {});
  if (!begun.empty()) {
    bytes = begun;
  } else {
    auto got = connection_.read(buffer_, std::chrono::steady_clock::now() + network_patience);
    if (!got) return got.error();
    if (*got == 0) return Error{ErrorCode::unavailable, connection_.peer() + ": the server ended its stream"};
    bytes = std::span(buffer_).first(*got);
  }
  Result<void> state;
  auto read = reader_.push(bytes, [&](const WebSocketReader::Message& message) {
    if (state) state = take(message, pixels_wanted, pictures);
  });
  if (state && !read) state = read;
  if (!state) return Error{state.error().code, connection_.peer() + ": " + state.error().message};
  return {};
}

Result<void> BundleFeed::take(const WebSocketReader::Message& message, bool pixels_wanted, const Pictures& pictures) {
  constexpr uint8_t pong = 10;
  switch (message.kind) {
    case WebSocketReader::Kind::binary:
      return take_bundle(message.body, pixels_wanted, pictures);
    case WebSocketReader::Kind::text:
      return {};
    case WebSocketReader::Kind::close:
      return Error{ErrorCode::unavailable, "the server ended its stream"};
    case WebSocketReader::Kind::ping:
      return connection_.write(make_client_frame(pong, message.body, random_()),
                               std::chrono::steady_clock::now() + network_patience);
  }
  return {};
}

Result<void> BundleFeed::take_bundle(std::span<const std::byte> bundle, bool pixels_wanted, const Pictures& pictures) {
  const auto found = find_in_bundle(bundle, index_);
  if (!found) return found.error();
  if (!*found) return Error{ErrorCode::unavailable, fmt::format("the server has no camera {}", index_)};
  const BundledCamera& camera = **found;
  if (camera.away) return Error{ErrorCode::unavailable, fmt::format("camera {} is away there", index_)};
  if (camera.same_as_before || camera.payload.empty()) return {};
  if (!camera.is_jpeg)
    return Error{ErrorCode::unsupported, fmt::format("camera {} comes in a form that is no JPEG", index_)};
  intake_.take(camera.payload, camera.capture_wall, camera.metadata, pixels_wanted, pictures);
  return {};
}

std::string base64(const unsigned char* bytes, size_t size) {
  unsigned char out[64];
  const int written = EVP_EncodeBlock(out, bytes, static_cast<int>(size));
  return {reinterpret_cast<char*>(out), static_cast<size_t>(written)};
}

std::string accept_of(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  return base64(digest, size);
}

// The last part of the path: ws+bundle://host:8765/1.
Result<uint16_t> index_in(const std::string& target) {
  const std::string path = target.substr(0, target.find('?'));
  const std::string last = path.substr(path.rfind('/') + 1);
  uint16_t index = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), index);
  if (error != std::errc() || end != last.data() + last.size()) {
    return Error{ErrorCode::invalid_argument, "the address ends in no camera's number, as in ws+bundle://host:8765/1"};
  }
  return index;
}

}  // namespace

Result<std::unique_ptr<Feed>> open_bundle_feed(const SourceUri& source, const Clock& clock) {
  auto address = parse_address(source.rest);
  if (!address) return address.error();
  const auto index = index_in(address->target);
  if (!index) return index.error();
  std::random_device random;
  unsigned char nonce[16];
  for (auto& byte : nonce) byte = static_cast<unsigned char>(random());
  const std::string key = base64(nonce, sizeof nonce);
  auto exchange = http_get(
      *std::move(address),
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n",
      101);
  if (!exchange) return exchange.error();
  if (find_field(exchange->head.fields, "sec-websocket-accept") != accept_of(key)) {
    return Error{ErrorCode::protocol, exchange->connection.peer() + ": its WebSocket handshake is wrong"};
  }
  return std::unique_ptr<Feed>(std::make_unique<BundleFeed>(*std::move(exchange), *index, clock));
}

}  // namespace camweave::stream_driver
