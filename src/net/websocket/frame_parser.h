// FrameParser: a client's WebSocket frames (RFC 6455 section 5), incremental, without buffering data messages: what we
// serve needs none, so their payload is checked for its bounds, counted and dropped. We don't use Beast's stream: it
// costs several KB for each viewer and can't send a shared frame by one system call (docs/design/0010-http-server.md).
// Pure; fuzzed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace camweave::websocket {

enum class Opcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct ParserLimits {
  uint64_t max_message_bytes = 64 * 1024;
  uint32_t max_fragments = 64;  // in one message
};

class FrameParser {
 public:
  explicit FrameParser(ParserLimits limits = {}) : limits_(limits) {}

  struct Event {
    enum class Kind { need_more, message, ping, pong, close } kind = Kind::need_more;
    std::string_view payload;  // unmasked, of ping, pong and close; valid until the next call
  };
  // Takes bytes off the front of `input` up to the next event. need_more: all were taken. An error is final: its
  // message is the reason, close_code() the code for the closing frame (1002 protocol, 1009 too big).
  Result<Event> next(std::span<const std::byte>& input);
  uint16_t close_code() const { return close_code_; }

 private:
  Error fail(uint16_t code, std::string reason);
  Result<void> read_head();
  bool take_head(std::span<const std::byte>& input);
  void take_payload(std::span<const std::byte>& input);
  Result<Event> finish_frame();

  ParserLimits limits_;
  uint16_t close_code_ = 0;
  // The frame being read.
  std::array<std::byte, 14> head_{};
  uint8_t head_bytes_ = 0;
  uint8_t head_needed_ = 2;
  bool in_payload_ = false;
  Opcode opcode_ = Opcode::continuation;
  bool is_final_ = false;
  uint64_t payload_left_ = 0;
  uint64_t payload_bytes_ = 0;
  std::array<char, 125> control_{};
  // The message being read.
  bool in_message_ = false;
  uint64_t message_bytes_ = 0;
  uint32_t fragments_ = 0;
};

}  // namespace camweave::websocket
