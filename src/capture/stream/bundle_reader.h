// The two wire formats of `ws+bundle:`: WebSocket frames as a server sends them (RFC 6455), and the FrameBundle in
// their messages (interfaces section 8). Pure; fuzzed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "media/metadata.h"

namespace camweave::stream_driver {

// Thread-bound.
class WebSocketReader {
 public:
  static constexpr size_t max_message_bytes = size_t{64} << 20;

  enum class Kind { binary, text, ping, close };
  struct Message {
    Kind kind;
    std::span<const std::byte> body;  // valid during the call
  };
  using Messages = std::function<void(const Message&)>;
  // `protocol` for a broken rule, `exhausted` over the bound.
  Result<void> push(std::span<const std::byte> bytes, const Messages& messages);

 private:
  Result<bool> take_frame(const Messages& messages);
  Result<void> take_body(uint8_t opcode, bool final, std::span<const std::byte> body, const Messages& messages);

  std::vector<std::byte> bytes_;
  size_t begin_ = 0;
  std::vector<std::byte> fragments_;
  uint8_t fragments_opcode_ = 0;  // 0: none begun
};

// A frame from a client: masked, as they must be. For control frames: at most 125 bytes.
std::string make_client_frame(uint8_t opcode, std::span<const std::byte> body, uint32_t mask);

struct BundledCamera {
  uint16_t index = 0;
  bool is_jpeg = true;
  bool same_as_before = false;
  bool away = false;
  uint64_t sequence = 0;
  UnixMicroseconds capture_wall{};
  FrameMetadata metadata;
  std::span<const std::byte> payload;
};

// The camera of that index, or nullopt where the bundle hasn't it. A bundle that lies about a length is refused whole.
Result<std::optional<BundledCamera>> find_in_bundle(std::span<const std::byte> bundle, uint16_t index);

}  // namespace camweave::stream_driver
