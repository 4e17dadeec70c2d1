// What the sessions' tests don't reach: lengths of all forms, and input cut anywhere.
#include "net/websocket/frame_parser.h"

#include <gtest/gtest.h>

#include "net/websocket/frame_writer.h"
#include "net/websocket/handshake.h"

namespace camweave::websocket {
namespace {

std::string masked(Opcode opcode, std::string_view payload, bool final = true) {
  std::array<std::byte, 10> head;
  const size_t head_bytes = write_head(opcode, payload.size(), head);
  if (!final) head[0] &= std::byte{0x7f};
  head[1] |= std::byte{0x80};
  std::string frame(reinterpret_cast<const char*>(head.data()), head_bytes);
  const std::string key = "\x01\xa2\x33\x7f";
  frame += key;
  for (size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ key[i % 4]);
  return frame;
}

// The events of `bytes`, given in pieces of `piece_bytes`.
std::vector<std::string> events(const std::string& bytes, size_t piece_bytes) {
  FrameParser parser;
  std::vector<std::string> seen;
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    auto piece = std::as_bytes(std::span(bytes)).subspan(at, std::min(piece_bytes, bytes.size() - at));
    while (!piece.empty()) {
      const auto event = parser.next(piece);
      if (!event) {
        seen.push_back("error " + std::to_string(parser.close_code()));
        return seen;
      }
      switch (event->kind) {
        case FrameParser::Event::Kind::need_more:
          EXPECT_TRUE(piece.empty());
          break;
        case FrameParser::Event::Kind::message:
          seen.push_back("message");
          break;
        case FrameParser::Event::Kind::ping:
          seen.push_back("ping " + std::string(event->payload));
          break;
        case FrameParser::Event::Kind::pong:
          seen.push_back("pong " + std::string(event->payload));
          break;
        case FrameParser::Event::Kind::close:
          seen.push_back("close " + std::string(event->payload));
          break;
      }
    }
  }
  return seen;
}

TEST(FrameParser, InputMayBeCutAnywhere) {
  const std::string bytes = masked(Opcode::text, "") + masked(Opcode::ping, "hello") +
                            masked(Opcode::text, std::string(125, 'a')) +
                            masked(Opcode::binary, std::string(126, 'b')) + masked(Opcode::text, "one ", false) +
                            masked(Opcode::pong, std::string(125, 'p')) + masked(Opcode::continuation, "two", false) +
                            masked(Opcode::continuation, "") + masked(Opcode::binary, std::string(65'536, 'c')) +
                            masked(Opcode::close, std::string("\x03\xe8", 2) + "bye");
  const std::vector<std::string> wanted{"message",
                                        "ping hello",
                                        "message",
                                        "message",
                                        "pong " + std::string(125, 'p'),
                                        "message",
                                        "message",
                                        "close " + std::string("\x03\xe8", 2) + "bye"};
  for (const size_t piece_bytes : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{1000}, bytes.size()}) {
    EXPECT_EQ(events(bytes, piece_bytes), wanted) << piece_bytes;
  }
}

TEST(FrameParser, ExactlyTheLimitPasses) {
  EXPECT_EQ(events(masked(Opcode::binary, std::string(65'536, 'x')), 4096), std::vector<std::string>{"message"});
  EXPECT_EQ(events(masked(Opcode::binary, std::string(65'537, 'x')), 4096), std::vector<std::string>{"error 1009"});
  EXPECT_EQ(events(masked(Opcode::binary, std::string(65'536, 'x'), false) + masked(Opcode::continuation, "y"), 4096),
            std::vector<std::string>{"error 1009"});
}

TEST(FrameParser, AnErrorIsFinal) {
  FrameParser parser;
  const std::string bad("\x81\x01x", 3), good = masked(Opcode::text, "x");
  auto input = std::as_bytes(std::span(bad));
  EXPECT_FALSE(parser.next(input).ok());
  input = std::as_bytes(std::span(good));
  EXPECT_FALSE(parser.next(input).ok());
  EXPECT_EQ(parser.close_code(), 1002);
}

TEST(FrameWriter, HeadsAreOfTheShortestForm) {
  std::array<std::byte, 10> head;
  EXPECT_EQ(write_head(Opcode::binary, 125, head), 2u);
  EXPECT_EQ(write_head(Opcode::binary, 126, head), 4u);
  EXPECT_EQ(write_head(Opcode::binary, 65'535, head), 4u);
  EXPECT_EQ(write_head(Opcode::binary, 65'536, head), 10u);
  EXPECT_EQ(head[7], std::byte{1});
}

TEST(FrameWriter, ALongReasonIsCutAtACharacter) {
  std::string reason;
  for (int i = 0; i < 100; ++i) reason += "é";
  const std::string frame = close_frame(1001, reason);
  EXPECT_EQ(frame.size(), 2u + 2 + 122);
  EXPECT_TRUE(frame.ends_with("é"));
}

}  // namespace
}  // namespace camweave::websocket
