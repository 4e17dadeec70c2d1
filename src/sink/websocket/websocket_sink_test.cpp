#include "sink/websocket/websocket_sink.h"

#include <gtest/gtest.h>

#include "net/websocket/frame_parser.h"
#include "sink/http_test_server.h"

namespace camweave {
namespace {

using websocket::Opcode;

// A client's frame, masked unless told otherwise.
std::string client_frame(uint8_t first, std::string_view payload, bool masked = true) {
  std::string frame{static_cast<char>(first)};
  const uint8_t mask = masked ? 0x80 : 0;
  if (payload.size() <= 125) {
    frame += static_cast<char>(mask | payload.size());
  } else {
    frame += static_cast<char>(mask | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  }
  const std::string key = "\x11\x22\x33\x44";
  if (masked) frame += key;
  for (size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ (masked ? key[i % 4] : 0));
  return frame;
}
std::string server_frame(uint8_t first, const std::string& payload) {
  std::string frame{static_cast<char>(first)};
  if (payload.size() <= 125) return frame + static_cast<char>(payload.size()) + payload;
  return frame + '\x7e' + static_cast<char>(payload.size() >> 8) + static_cast<char>(payload.size() & 0xff) + payload;
}
constexpr uint8_t fin_text = 0x81, fin_binary = 0x82, fin_close = 0x88, fin_ping = 0x89, fin_pong = 0x8a;

class WebSocketSinkTest : public SinkTest {
 protected:
  void SetUp() override {
    router_.websocket("/api/v1/cameras/{id}/jpeg", websocket_jpeg_handler(cameras_));
    router_.websocket("/ws/stream/{index}", indexed_.handler());
    serve();
  }
  void open(TestClient& client, const std::string& path = "/api/v1/cameras/front/jpeg") {
    client.send(upgrade(path));
    ASSERT_TRUE(client.read_until("\r\n\r\n"));
    ASSERT_TRUE(client.received().starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << client.received();
    client.take();
  }
  IndexedStreams indexed_{cameras_, log_, {.size = {640, 480}, .fps_milli = 30'000, .quality = 80}};
};

TEST_F(WebSocketSinkTest, TheHandshakeIsTheRfcsExample) {
  TestClient client(port_);
  client.send(upgrade("/api/v1/cameras/front/jpeg"));
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  EXPECT_NE(client.received().find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
  EXPECT_NE(client.received().find("Connection: Upgrade\r\n"), std::string::npos);
}

TEST_F(WebSocketSinkTest, OneMessageIsOnePicture) {
  TestClient client(port_);
  open(client);
  for (const size_t size : {100u, 60'000u}) {
    cameras_.publish("front", info(1), picture(1, size));
    const std::string wanted = server_frame(fin_binary, picture(1, size));
    ASSERT_TRUE(client.read_bytes(wanted.size()));
    EXPECT_EQ(client.take(), wanted);
  }
}

TEST_F(WebSocketSinkTest, RefusalsComeAtTheHandshake) {
  TestClient client(port_);
  EXPECT_TRUE(client.exchange(upgrade("/api/v1/cameras/nobody/jpeg")).starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(client.exchange(upgrade("/ws/stream/2")).starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(client.exchange(upgrade("/ws/stream/x")).starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(client.exchange(upgrade("/api/v1/cameras/front/jpeg?fps=x")).starts_with("HTTP/1.1 422"));
  std::string old_version = upgrade("/ws/stream/0");
  old_version.replace(old_version.find("Version: 13"), 11, "Version: 8");
  EXPECT_TRUE(client.exchange(old_version).starts_with("HTTP/1.1 426"));
  std::string foreign = upgrade("/ws/stream/0");
  foreign.replace(foreign.find("Upgrade: w"), 0, "Origin: http://evil.example\r\n");
  EXPECT_TRUE(TestClient(port_).exchange(foreign).starts_with("HTTP/1.1 403"));
}

TEST_F(WebSocketSinkTest, PingsAreAnsweredBehindTheFrameInFlight) {
  TestClient client(port_, 4096);
  open(client);
  const size_t size = size_t{6} << 20;
  cameras_.publish("front", info(1), picture(1, size));
  ASSERT_TRUE(client.read_bytes(10));
  client.send(client_frame(fin_ping, "are you there"));
  ASSERT_TRUE(client.read_until(server_frame(fin_pong, "are you there")));
  EXPECT_EQ(client.received().substr(10, size), picture(1, size));
  EXPECT_EQ(client.received().size(), 10 + size + 15);
}

TEST_F(WebSocketSinkTest, CloseIsAnsweredAndEndsTheLease) {
  TestClient client(port_);
  open(client);
  client.send(client_frame(fin_close, std::string("\x03\xe8", 2) + "bye"));
  EXPECT_TRUE(client.read_to_end());
  EXPECT_EQ(client.received(), server_frame(fin_close, std::string("\x03\xe8", 2)));
  client.close();
  EXPECT_TRUE(has_readers("front", 0));
}

struct Abuse {
  const char* name;
  std::string bytes;
  uint16_t close_code;
};

TEST_F(WebSocketSinkTest, ProtocolErrorsEndTheSessionWithTheirCode) {
  const std::vector<Abuse> cases{
      {"unmasked", client_frame(fin_text, "hello", false), 1002},
      {"reserved bit", client_frame(0xc1, "hello"), 1002},
      {"unknown opcode", client_frame(0x83, "hello"), 1002},
      {"fragmented ping", client_frame(0x09, "x"), 1002},
      {"long ping", client_frame(fin_ping, std::string(126, 'x')), 1002},
      {"continuation of nothing", client_frame(0x80, "x"), 1002},
      {"message inside a message", client_frame(0x01, "x") + client_frame(fin_text, "y"), 1002},
      {"half a close code", client_frame(fin_close, "x"), 1002},
      {"reserved close code", client_frame(fin_close, std::string("\x03\xed", 2)), 1002},
      {"too big", client_frame(0x01, std::string(60'000, 'x')) + client_frame(0x80, std::string(6'000, 'x')), 1009},
      {"a lie of 2^63 bytes", std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10) + "abcd", 1009},
      {"endless fragments",
       [] {
         std::string all = client_frame(0x01, "x");
         for (int i = 0; i < 70; ++i) all += client_frame(0x00, "x");
         return all;
       }(),
       1009},
      {"ping flood",
       [] {
         std::string all;
         for (int i = 0; i < 500; ++i) all += client_frame(fin_ping, "x");
         return all;
       }(),
       1008},
  };
  for (const Abuse& abuse : cases) {
    TestClient client(port_);
    open(client);
    client.send(abuse.bytes);
    EXPECT_TRUE(client.read_to_end()) << abuse.name;
    const size_t close = client.received().rfind(static_cast<char>(fin_close));
    ASSERT_NE(close, std::string::npos) << abuse.name;
    ASSERT_GE(client.received().size(), close + 4) << abuse.name;
    const auto code = static_cast<uint16_t>(static_cast<uint8_t>(client.received()[close + 2]) << 8 |
                                            static_cast<uint8_t>(client.received()[close + 3]));
    EXPECT_EQ(code, abuse.close_code) << abuse.name;
  }
  EXPECT_EQ(count(NetCounter::websocket_protocol_errors), cases.size() - 1);
  EXPECT_EQ(count(NetCounter::websocket_floods), 1u);
  EXPECT_TRUE(has_readers("front", 0));
}

TEST_F(WebSocketSinkTest, WordsOfTheClientAreIgnored) {
  TestClient client(port_);
  open(client);
  client.send(client_frame(fin_text, "hello") + client_frame(0x01, "he") + client_frame(fin_ping, "1") +
              client_frame(0x80, "llo"));
  EXPECT_TRUE(client.read_until(server_frame(fin_pong, "1")));
  cameras_.publish("front", info(1), picture(1, 100));
  EXPECT_TRUE(client.read_until(picture(1, 100)));
}

TEST_F(WebSocketSinkTest, AQuietSessionIsPinged) {
  TestClient client(port_);
  open(client);
  EXPECT_TRUE(eventually([&] {
    clock_.advance(std::chrono::seconds(1));
    return client.has(server_frame(fin_ping, ""));
  }));
}

TEST_F(WebSocketSinkTest, ARemovedCameraSaysGoodbye) {
  TestClient client(port_);
  open(client);
  cameras_.remove_camera("front");
  EXPECT_TRUE(client.read_to_end());
  EXPECT_EQ(client.received(), server_frame(fin_close, std::string("\x03\xe9", 2) + "the camera was removed"));
}

std::string size_as_body(const Rendition& rendition) { return "<" + to_string(rendition.size) + ">"; }

TEST_F(WebSocketSinkTest, AChangeOfSettingsReachesOpenStreamsWithoutAGap) {
  TestClient first(port_), second(port_);
  open(first, "/ws/stream/0");
  open(second, "/ws/stream/1");
  cameras_.publish("front", info(1), size_as_body);
  ASSERT_TRUE(first.read_until("<640x480>"));
  indexed_.switch_all({.size = {320, 240}, .fps_milli = 30'000, .quality = 80});
  ASSERT_TRUE(has_readers("front", 2));  // the old one goes on until the new one has a picture
  for (const auto& stream : cameras_.open_streams("front")) {
    if (stream->rendition().size != Size{640, 480}) continue;
    cameras_.publish("front", info(2), [](const Rendition& rendition) {
      return rendition.size == Size{640, 480} ? std::string("old picture") : std::string("new picture");
    });
  }
  ASSERT_TRUE(first.read_until("new picture"));
  ASSERT_TRUE(has_readers("front", 1));
  cameras_.publish("front", info(3), size_as_body);
  EXPECT_TRUE(first.read_until("<320x240>"));
  EXPECT_EQ(first.received().find("<640x480>", first.received().find("new picture")), std::string::npos);
  cameras_.publish("line", info(1), size_as_body);
  EXPECT_TRUE(second.read_until("<320x240>"));
  // Later ones have the new settings from the start.
  TestClient third(port_);
  open(third, "/ws/stream/0");
  EXPECT_EQ(cameras_.open_streams("front").size(), 1u);
}

TEST_F(WebSocketSinkTest, OldPicturesGoOnWhileANewRenditionHasNone) {
  TestClient client(port_);
  open(client, "/ws/stream/0");
  const auto old_stream = cameras_.open_streams("front").front();
  indexed_.switch_all({.size = {320, 240}});
  ASSERT_TRUE(has_readers("front", 2));
  auto packet = std::make_shared<Packet>();
  const iovec piece{const_cast<char*>("still the old one"), 17};
  packet->body = *cameras_.memory()->store(std::span(&piece, 1));
  old_stream->publish(packet);
  EXPECT_TRUE(client.read_until("still the old one"));
  // The new one can't be made: the old one stays.
  for (const auto& stream : cameras_.open_streams("front")) {
    if (stream->rendition().size == Size{320, 240}) stream->close("no such size");
  }
  auto next = std::make_shared<Packet>();
  next->body = *cameras_.memory()->store(std::span(&piece, 1));
  client.take();
  old_stream->publish(next);
  EXPECT_TRUE(client.read_until("still the old one"));
}

}  // namespace
}  // namespace camweave
