#include "net/rtsp/rtsp_message.h"

#include <gtest/gtest.h>

namespace camweave::rtsp {
namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

const std::string setup =
    "SETUP rtsp://host:8553/cam0/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n";

TEST(RtspReader, ReadsARequestInPiecesOfAnySize) {
  for (size_t size = 1; size <= setup.size(); ++size) {
    MessageReader reader;
    std::vector<Request> requests;
    for (size_t at = 0; at < setup.size(); at += size) {
      reader.feed(bytes(std::string_view(setup).substr(at, size)));
      for (;;) {
        auto event = reader.next();
        ASSERT_TRUE(event);
        if (event->kind == MessageReader::Kind::need_more) break;
        requests.push_back(event->request);
      }
    }
    ASSERT_EQ(requests.size(), 1u);
    EXPECT_EQ(requests[0].method, "SETUP");
    EXPECT_EQ(requests[0].header("cseq"), "3");
  }
}

TEST(RtspReader, KeepsRequestsAndInterleavedDataApart) {
  MessageReader reader;
  reader.feed(bytes(std::string("$\x01\x00\x03", 4) + "abc\r\n" + setup + "GET_PARAMETER * RTSP/1.0\r\nContent-Length: 2\r\n\r\nxyOPTIONS"));
  auto first = reader.next();
  EXPECT_EQ(first->kind, MessageReader::Kind::interleaved);
  EXPECT_EQ(first->interleaved.channel, 1);
  EXPECT_EQ(first->interleaved.payload.size(), 3u);
  EXPECT_EQ(reader.next()->request.method, "SETUP");
  EXPECT_EQ(reader.next()->request.body, "xy");
  EXPECT_EQ(reader.next()->kind, MessageReader::Kind::need_more);
}

TEST(RtspReader, RefusesWhatIsNoRtsp) {
  for (const char* text : {"GET / HTTP/1.1\r\n\r\n", "OPTIONS *\r\n\r\n", "OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n",
                           "OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", "OPTIONS * RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n",
                           "RTSP/1.0 abc OK\r\n\r\n", "OP TIONS * RTSP/1.0\r\n\r\n", "OPTIONS * RTSP/1.0\r\nA: \x01\r\n\r\n"}) {
    MessageReader reader;
    reader.feed(bytes(text));
    EXPECT_FALSE(reader.next()) << text;
  }
  MessageReader reader;
  reader.feed(bytes(std::string(20'000, 'a')));
  EXPECT_FALSE(reader.next());
}

TEST(RtspMessage, ComesOutOfTheReaderAsItWasWritten) {
  Request request{"ANNOUNCE", "rtsp://h/cam", {{"CSeq", "1"}, {"Content-Type", "application/sdp"}}, "v=0\r\n"};
  MessageReader reader;
  reader.feed(bytes(serialize(request)));
  const auto event = reader.next();
  EXPECT_EQ(event->request.method, request.method);
  EXPECT_EQ(event->request.body, request.body);
  reader.feed(bytes(serialize(Response{454, {{"CSeq", "1\r\nX: y"}}, ""})));
  const auto response = reader.next();
  EXPECT_EQ(response->response.status, 454);
  EXPECT_EQ(response->response.headers.size(), 1u);  // a header can't smuggle in another
}

TEST(RtspTransport, TakesTheAlternativesApart) {
  const auto transports = parse_transport("RAW/RAW, RTP/AVP/UDP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast;interleaved=2-3;mode=\"RECORD\"");
  ASSERT_TRUE(transports);
  ASSERT_EQ(transports->size(), 2u);
  EXPECT_EQ((*transports)[0].client_port->first, 5000);
  EXPECT_TRUE((*transports)[1].tcp);
  EXPECT_TRUE((*transports)[1].record);
  EXPECT_EQ((*transports)[1].interleaved->second, 3);
  EXPECT_EQ(serialize((*transports)[0]), "RTP/AVP;unicast;client_port=5000-5001");
  for (const char* text : {"", "RAW/RAW", "RTP/AVP;client_port=x", "RTP/AVP/TCP;interleaved=256-257", "RTP/AVP;client_port=70000-70001"}) {
    EXPECT_FALSE(parse_transport(text)) << text;
  }
}

}  // namespace
}  // namespace camweave::rtsp
