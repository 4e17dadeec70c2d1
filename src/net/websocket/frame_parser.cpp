#include "net/websocket/frame_parser.h"

#include <algorithm>
#include <cstring>

namespace camweave::websocket {
namespace {

constexpr uint8_t fin_bit = 0x80, reserved_bits = 0x70, opcode_bits = 0x0f, mask_bit = 0x80, length_bits = 0x7f;

bool is_control(Opcode opcode) { return (static_cast<uint8_t>(opcode) & 8) != 0; }

bool is_known(uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

// RFC 6455 section 7.4: codes that may stand in a closing frame.
bool is_valid_close_code(unsigned code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace

Error FrameParser::fail(uint16_t code, std::string reason) {
  close_code_ = code;
  return Error{ErrorCode::protocol, std::move(reason)};
}

// True once the whole head of a frame is there; how long it is shows in its second byte.
bool FrameParser::take_head(std::span<const std::byte>& input) {
  while (head_bytes_ < head_needed_ && !input.empty()) {
    head_[head_bytes_++] = input.front();
    input = input.subspan(1);
    if (head_bytes_ != 2) continue;
    const uint8_t second = static_cast<uint8_t>(head_[1]);
    const uint8_t length = second & length_bits;
    const unsigned length_bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    head_needed_ = static_cast<uint8_t>(2 + length_bytes + ((second & mask_bit) ? 4 : 0));
  }
  return head_bytes_ == head_needed_;
}

Result<void> FrameParser::read_head() {
  const uint8_t first = static_cast<uint8_t>(head_[0]), second = static_cast<uint8_t>(head_[1]);
  if (first & reserved_bits) return fail(1002, "a reserved bit is set");
  if (!is_known(first & opcode_bits)) return fail(1002, "an unknown opcode");
  if (!(second & mask_bit)) return fail(1002, "a client's frames must be masked");
  opcode_ = static_cast<Opcode>(first & opcode_bits);
  is_final_ = (first & fin_bit) != 0;
  payload_bytes_ = second & length_bits;
  if (payload_bytes_ >= 126) {
    const size_t length_bytes = payload_bytes_ == 126 ? 2 : 8;
    payload_bytes_ = 0;
    for (size_t i = 0; i < length_bytes; ++i) payload_bytes_ = payload_bytes_ << 8 | static_cast<uint8_t>(head_[2 + i]);
  }
  payload_left_ = payload_bytes_;
  if (is_control(opcode_)) {
    if (!is_final_) return fail(1002, "a fragmented control frame");
    if (payload_bytes_ > control_.size()) return fail(1002, "a control frame over 125 bytes");
    return {};
  }
  if ((opcode_ == Opcode::continuation) != in_message_) {
    return fail(1002, in_message_ ? "a new message inside another" : "a continuation of nothing");
  }
  if (!in_message_) {
    in_message_ = true;
    message_bytes_ = 0;
    fragments_ = 0;
  }
  if (++fragments_ > limits_.max_fragments) return fail(1009, "a message in too many fragments");
  // Compared so that no length can overflow the sum.
  if (payload_bytes_ > limits_.max_message_bytes - message_bytes_) return fail(1009, "a message that is too big");
  message_bytes_ += payload_bytes_;
  return {};
}

void FrameParser::take_payload(std::span<const std::byte>& input) {
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(payload_left_, input.size()));
  if (is_control(opcode_)) {
    const std::byte* const key = &head_[head_needed_ - 4u];
    const size_t begin = static_cast<size_t>(payload_bytes_ - payload_left_);
    for (size_t i = 0; i < taken; ++i) control_[begin + i] = static_cast<char>(input[i] ^ key[(begin + i) % 4]);
  }
  payload_left_ -= taken;
  input = input.subspan(taken);
}

Result<FrameParser::Event> FrameParser::finish_frame() {
  in_payload_ = false;
  head_bytes_ = 0;
  head_needed_ = 2;
  const std::string_view payload(control_.data(), is_control(opcode_) ? static_cast<size_t>(payload_bytes_) : 0);
  switch (opcode_) {
    case Opcode::ping:
      return Event{Event::Kind::ping, payload};
    case Opcode::pong:
      return Event{Event::Kind::pong, payload};
    case Opcode::close:
      break;
    case Opcode::continuation:
    case Opcode::text:
    case Opcode::binary:
      if (!is_final_) return Event{};
      in_message_ = false;
      return Event{Event::Kind::message, {}};
  }
  if (payload.size() == 1) return fail(1002, "a close frame with half a code");
  if (payload.size() >= 2) {
    const unsigned code = static_cast<uint8_t>(payload[0]) * 256u + static_cast<uint8_t>(payload[1]);
    if (!is_valid_close_code(code)) return fail(1002, "a close frame with a reserved code");
  }
  return Event{Event::Kind::close, payload};
}

Result<FrameParser::Event> FrameParser::next(std::span<const std::byte>& input) {
  if (close_code_ != 0) return fail(close_code_, "the connection has failed already");
  for (;;) {
    if (!in_payload_) {
      if (!take_head(input)) return Event{};
      if (auto read = read_head(); !read) return read.error();
      in_payload_ = true;
    }
    take_payload(input);
    if (payload_left_ > 0) return Event{};
    auto event = finish_frame();
    if (!event || event->kind != Event::Kind::need_more || input.empty()) return event;
  }
}

}  // namespace camweave::websocket
