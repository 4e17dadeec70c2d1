// A client's WebSocket bytes, whole and cut into pieces by the first byte: both must give the same events.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "net/websocket/frame_parser.h"

using camweave::websocket::FrameParser;

namespace {

std::string events_of(std::span<const std::byte> bytes, size_t piece_bytes) {
  FrameParser parser;
  std::string seen;
  while (!bytes.empty()) {
    auto piece = bytes.first(std::min(piece_bytes, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (!piece.empty()) {
      const size_t before = piece.size();
      const auto event = parser.next(piece);
      if (!event) return seen + "!" + std::to_string(parser.close_code());
      if (piece.size() >= before) std::abort();  // it must go on
      if (event->kind == FrameParser::Event::Kind::need_more) continue;
      seen += static_cast<char>('0' + static_cast<int>(event->kind));
      seen += event->payload;
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  if (events_of(bytes, bytes.size() + 1) != events_of(bytes, data[0] % 16 + 1u)) std::abort();
  return 0;
}
