// A server's WebSocket frames: never masked, never fragmented. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "net/websocket/frame_parser.h"

namespace camweave::websocket {

// Writes the head of a final frame into `out`; answers its size, 2 to 10 bytes.
size_t write_head(Opcode opcode, uint64_t payload_bytes, std::span<std::byte, 10> out);

std::string control_frame(Opcode opcode, std::string_view payload);  // at most 125 bytes of payload
std::string close_frame(uint16_t code, std::string_view reason);     // the reason is cut to fit

}  // namespace camweave::websocket
