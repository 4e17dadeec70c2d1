#include "net/websocket/frame_writer.h"

#include <algorithm>
#include <cassert>

namespace camweave::websocket {

size_t write_head(Opcode opcode, uint64_t payload_bytes, std::span<std::byte, 10> out) {
  constexpr uint8_t fin = 0x80;
  out[0] = std::byte(fin | static_cast<uint8_t>(opcode));
  if (payload_bytes <= 125) {
    out[1] = std::byte(payload_bytes);
    return 2;
  }
  const size_t length_bytes = payload_bytes <= 0xffff ? 2 : 8;
  out[1] = std::byte(length_bytes == 2 ? 126 : 127);
  for (size_t i = 0; i < length_bytes; ++i) {
    out[2 + i] = std::byte(payload_bytes >> (8 * (length_bytes - 1 - i)) & 0xff);
  }
  return 2 + length_bytes;
}

std::string control_frame(Opcode opcode, std::string_view payload) {
  assert(payload.size() <= 125);
  std::array<std::byte, 10> head;
  const size_t head_bytes = write_head(opcode, payload.size(), head);
  std::string frame(reinterpret_cast<const char*>(head.data()), head_bytes);
  frame += payload;
  return frame;
}

std::string close_frame(uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  size_t length = std::min<size_t>(reason.size(), 123);
  // Not in the middle of a UTF-8 character.
  while (length < reason.size() && length > 0 && (static_cast<uint8_t>(reason[length]) & 0xc0) == 0x80) --length;
  payload += reason.substr(0, length);
  return control_frame(Opcode::close, payload);
}

}  // namespace camweave::websocket
