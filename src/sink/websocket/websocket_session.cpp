#include "sink/websocket/websocket_session.h"

#include <array>

#include "net/websocket/frame_parser.h"
#include "net/websocket/frame_writer.h"
#include "net/websocket/handshake.h"

namespace camweave {
namespace {

using websocket::FrameParser;
using websocket::Opcode;

FrameEnds message_ends(const Packet& packet) {
  std::array<std::byte, 10> head;
  const size_t head_bytes = websocket::write_head(Opcode::binary, packet.body.size(), head);
  return {std::string(reinterpret_cast<const char*>(head.data()), head_bytes), {}};
}
constexpr Framing websocket_framing{"websocket", message_ends};

// What a client says is bounded, answered where the RFC asks for it, and otherwise ignored.
class WebSocketProtocol final : public FrameProtocol {
 public:
  const Framing& framing() const override { return websocket_framing; }

  bool on_input(std::span<const std::byte> bytes, FrameSession& session) override {
    while (!bytes.empty()) {
      const auto event = parser_.next(bytes);
      if (!event) {
        session.loop().counters().add(NetCounter::websocket_protocol_errors);
        session.end_with(websocket::close_frame(parser_.close_code(), event.error().message));
        return true;
      }
      if (event->kind == FrameParser::Event::Kind::need_more) return true;
      if (is_flood(session.loop())) {
        session.loop().counters().add(NetCounter::websocket_floods);
        session.end_with(websocket::close_frame(1008, "too many messages"));
        return true;
      }
      if (event->kind == FrameParser::Event::Kind::ping) {
        session.send_control(websocket::control_frame(Opcode::pong, event->payload));
      }
      if (event->kind == FrameParser::Event::Kind::close) {
        session.end_with(websocket::control_frame(Opcode::close, event->payload.substr(0, 2)));
        return true;
      }
    }
    return true;
  }
  std::string farewell(std::string_view reason) override { return websocket::close_frame(1001, reason); }
  std::string keep_alive() override { return websocket::control_frame(Opcode::ping, {}); }

 private:
  // A viewer has little to say: pongs, now and then a word of the page's.
  static constexpr uint32_t most_in_a_second = 100;

  bool is_flood(IoLoop& loop) {
    const Timestamp now = loop.now();
    if (now - second_began_ >= std::chrono::seconds(1)) {
      second_began_ = now;
      in_this_second_ = 0;
    }
    return ++in_this_second_ > most_in_a_second;
  }

  FrameParser parser_;
  Timestamp second_began_{};
  uint32_t in_this_second_ = 0;
};

}  // namespace

FrameSessionRef start_websocket_jpeg(const std::shared_ptr<HttpExchange>& exchange, std::shared_ptr<Stream> stream,
                                     std::function<void()> on_end) {
  HttpResponse response = websocket::answer_upgrade(exchange->request());
  if (response.status != 101) {
    exchange->respond(std::move(response));
    return {};
  }
  const std::string head = exchange->stream_head(response);
  auto connection = exchange->take_over();
  if (!connection) return {};
  return FrameSession::start(std::move(connection), std::make_unique<WebSocketProtocol>(), std::move(stream), head,
                             {.length = std::nullopt, .on_end = std::move(on_end)});
}

}  // namespace camweave
