#include "capture/stream/bundle_reader.h"

#include <algorithm>
#include <cstring>

namespace camweave::stream_driver {
namespace {

enum Opcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

uint64_t big_endian(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<uint64_t>(byte);
  return value;
}
uint64_t little_endian(std::span<const std::byte> bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(bytes[at + i]);
  return value;
}

Error broken(const char* what) { return Error{ErrorCode::protocol, std::string("WebSocket: ") + what}; }
Error bad_bundle(const char* what) { return Error{ErrorCode::protocol, std::string("FrameBundle: ") + what}; }

}  // namespace

Result<void> WebSocketReader::push(std::span<const std::byte> bytes, const Messages& messages) {
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  for (;;) {
    auto took = take_frame(messages);
    if (!took) return took.error();
    if (!*took) return {};
  }
}

Result<bool> WebSocketReader::take_frame(const Messages& messages) {
  const auto rest = std::span<const std::byte>(bytes_).subspan(begin_);
  if (rest.size() < 2) return false;
  const auto first = std::to_integer<uint8_t>(rest[0]), second = std::to_integer<uint8_t>(rest[1]);
  if (first & 0x70) return broken("a reserved bit is set");
  if (second & 0x80) return broken("a server's frame is masked");
  const size_t extra = (second & 127) == 126 ? 2 : (second & 127) == 127 ? 8 : 0;
  if (rest.size() < 2 + extra) return false;
  const uint64_t length = extra ? big_endian(rest.subspan(2, extra)) : second & 127u;
  if (length > max_message_bytes) return Error{ErrorCode::exhausted, "WebSocket: a message over 64 MiB"};
  if (rest.size() - 2 - extra < length) return false;
  begin_ += 2 + extra + static_cast<size_t>(length);
  auto took =
      take_body(first & 15, (first & 0x80) != 0, rest.subspan(2 + extra, static_cast<size_t>(length)), messages);
  if (!took) return took.error();
  return true;
}

Result<void> WebSocketReader::take_body(uint8_t opcode, bool final, std::span<const std::byte> body,
                                        const Messages& messages) {
  if (opcode >= close) {
    if (!final || body.size() > 125) return broken("a control frame in pieces or over 125 bytes");
    if (opcode > pong) return broken("an unknown kind of frame");
    if (opcode != pong) messages(Message{opcode == close ? Kind::close : Kind::ping, body});
    return {};
  }
  if (opcode > binary) return broken("an unknown kind of frame");
  if ((opcode == continuation) != (fragments_opcode_ != 0)) return broken("a message's pieces are out of order");
  if (opcode != continuation) fragments_opcode_ = opcode;
  const Kind kind = fragments_opcode_ == text ? Kind::text : Kind::binary;
  if (final && fragments_.empty()) {
    messages(Message{kind, body});
  } else {
    if (fragments_.size() + body.size() > max_message_bytes)
      return Error{ErrorCode::exhausted, "WebSocket: a message over 64 MiB"};
    fragments_.insert(fragments_.end(), body.begin(), body.end());
    if (final) messages(Message{kind, fragments_});
  }
  if (final) {
    fragments_.clear();
    fragments_opcode_ = 0;
  }
  return {};
}

std::string make_client_frame(uint8_t opcode, std::span<const std::byte> body, uint32_t mask) {
  std::string frame{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | body.size())};
  char key[4];
  std::memcpy(key, &mask, sizeof key);
  frame.append(key, sizeof key);
  for (size_t i = 0; i < body.size(); ++i) frame += static_cast<char>(static_cast<char>(body[i]) ^ key[i % 4]);
  return frame;
}

Result<std::optional<BundledCamera>> find_in_bundle(std::span<const std::byte> bundle, uint16_t index) {
  constexpr size_t header_bytes = 24, camera_header_bytes = 40;
  constexpr uint16_t version = 1, jpeg = 1;
  if (bundle.size() < header_bytes || std::memcmp(bundle.data(), "CWFB", 4) != 0) return bad_bundle("not one");
  if (little_endian(bundle, 4, 2) != version) return bad_bundle("a version that is not 1");
  const uint64_t count = little_endian(bundle, 6, 2);
  std::optional<BundledCamera> found;
  auto rest = bundle.subspan(header_bytes);
  for (uint64_t i = 0; i < count; ++i) {
    if (rest.size() < camera_header_bytes) return bad_bundle("it ends within a camera's header");
    const uint64_t payload = little_endian(rest, 12, 4);
    if (payload > rest.size() - camera_header_bytes) return bad_bundle("a picture longer than the bundle");
    BundledCamera camera;
    camera.index = static_cast<uint16_t>(little_endian(rest, 0, 2));
    camera.is_jpeg = little_endian(rest, 2, 2) == jpeg;
    const uint64_t flags = little_endian(rest, 8, 4);
    camera.same_as_before = (flags & 1) != 0;
    camera.away = (flags & 2) != 0;
    camera.sequence = little_endian(rest, 16, 8);
    camera.capture_wall =
        UnixMicroseconds(static_cast<int64_t>(std::min<uint64_t>(little_endian(rest, 24, 8), INT64_MAX / 2)));
    camera.metadata.exposure_us = static_cast<uint32_t>(little_endian(rest, 32, 4));
    camera.metadata.gain = static_cast<float>(little_endian(rest, 36, 4)) / 1000;
    camera.payload = rest.subspan(camera_header_bytes, static_cast<size_t>(payload));
    if (camera.index == index && !found) found = camera;
    rest = rest.subspan(camera_header_bytes + static_cast<size_t>(payload));
  }
  if (!rest.empty()) return bad_bundle("bytes behind the last camera");
  return found;
}

}  // namespace camweave::stream_driver
