// The RTSP server over fake cameras and a clock of the test's own: time-outs, where a reader begins, what is bounded.
// What goes over the wire in all its detail is tested by tests/integration/test_rtsp_protocol.py.
#include "sink/rtsp/rtsp_server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "net/test_client.h"
#include "sink/rtsp/rtsp_session.h"
#include "sink/rtsp/rtsp_target.h"
#include "stream/fake_cameras.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RtspServerTest : public ::testing::Test {
 protected:
  void serve(RtspServerOptions options = {}) {
    server_ = *RtspServer::start(*loops_, cameras_, log_, *parse_listen_address("127.0.0.1:0"), std::move(options));
  }
  void TearDown() override {
    loops_->stop();
    server_.reset();
    loops_.reset();
  }

  static std::string picture(uint64_t number) {
    std::string slice;
    for (int i = 0; i < 40; ++i) slice += fmt::format("<{:05}>", number);
    return slice;
  }
  // One access unit; its number is in its slice.
  void publish(bool keyframe) {
    clock_.advance(33ms);
    std::string unit;
    if (keyframe) unit = std::string("\0\0\0\1\x67\x42\xc0\x1f\x11\0\0\0\1\x68\xce", 15);
    unit += std::string("\0\0\1", 3) + (keyframe ? '\x65' : '\x41') + picture(number_);
    cameras_.publish("front",
                     {.codec = Codec::h264,
                      .size = {640, 480},
                      .keyframe = keyframe,
                      .sequence = number_++,
                      .capture_time = clock_.now(),
                      .capture_wall = clock_.wall_now()},
                     unit);
  }
  bool is_open() {
    return eventually([&] { return !cameras_.open_streams("front").empty(); });
  }
  std::string ask(TestClient& client, const std::string& method, const std::string& more = "") {
    client.send(fmt::format("{} rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 7\r\n{}\r\n", method, more));
    return client.read_until("\r\n\r\n") ? client.take() : client.take() + "(no answer)";
  }
  // DESCRIBE is answered with the first keyframe that comes.
  void describe(TestClient& client) {
    client.send("DESCRIBE rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    ASSERT_TRUE(is_open());
    ASSERT_TRUE(eventually([&] {
      if (client.has("a=control:trackID=0\r\n")) return true;
      publish(true);
      return false;
    })) << client.received();
    client.take();
  }
  void set_up(TestClient& client, const std::string& transport = "RTP/AVP/TCP;unicast;interleaved=0-1") {
    EXPECT_THAT(ask(client, "SETUP", "Transport: " + transport + "\r\n"), StartsWith("RTSP/1.0 200"));
  }
  void play(TestClient& client) {
    describe(client);
    set_up(client);
    client.send("PLAY rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 3\r\n\r\n");
    EXPECT_TRUE(eventually([&] {
      if (client.has("RTP-Info")) return true;
      publish(true);
      return false;
    }));
  }
  bool has_ended(TestClient& client) {
    return client.read_to_end() && eventually([&] { return server_->figures().sessions == 0; });
  }
  // Two sweeps have certainly been made since.
  void let_sweeps_pass() { std::this_thread::sleep_for(2 * IoLoop::sweep_interval + 200ms); }

  FakeClock clock_;
  Log log_{clock_, LogLevel::error, [](const LogLine&) {}};
  FakeCameras cameras_{{"front"}};
  std::unique_ptr<IoLoops> loops_ = *IoLoops::start(clock_, 2);
  std::unique_ptr<RtspServer> server_;
  uint64_t number_ = 1;

  uint16_t port() const { return server_->address().port; }
};

TEST_F(RtspServerTest, AConnectionThatSetsNothingUpEndsAfterTenSeconds) {
  serve();
  TestClient client(port());
  ask(client, "OPTIONS");
  clock_.advance(RtspSession::set_up_time_out + 1s);
  EXPECT_TRUE(has_ended(client));
  EXPECT_EQ(server_->figures().readers_timed_out, 1u);
}

TEST_F(RtspServerTest, ARequestSentByteByByteGainsNoTime) {
  serve();
  TestClient client(port());
  client.send("OPTIONS rtsp://127.0.0.1/front");
  let_sweeps_pass();
  clock_.advance(RtspSession::set_up_time_out + 1s);
  client.send("x");
  EXPECT_TRUE(has_ended(client));
}

TEST_F(RtspServerTest, ASessionThatIsSetUpEndsAfterAMinuteOfSilence) {
  serve();
  TestClient client(port());
  describe(client);
  set_up(client);
  clock_.advance(RtspSession::time_out - 1s);
  let_sweeps_pass();
  EXPECT_EQ(server_->figures().sessions, 1u);
  clock_.advance(2s);
  EXPECT_TRUE(has_ended(client));
}

TEST_F(RtspServerTest, RequestsAndInterleavedReportsKeepASession) {
  serve();
  TestClient client(port());
  describe(client);
  set_up(client);
  for (const std::string method : {"GET_PARAMETER", "OPTIONS", "SET_PARAMETER", "report"}) {
    clock_.advance(RtspSession::time_out - 1s);
    if (method == "report") {
      client.send(std::string("$\x01\0\x08\x80\xc9\0\x01\0\0\0\x01", 12));
      clock_.advance(0s);
      let_sweeps_pass();
    } else {
      EXPECT_THAT(ask(client, method), StartsWith("RTSP/1.0 200")) << method;
    }
  }
  clock_.advance(RtspSession::time_out - 1s);
  let_sweeps_pass();
  EXPECT_EQ(server_->figures().sessions, 1u);
  clock_.advance(2s);
  EXPECT_TRUE(has_ended(client));
}

TEST_F(RtspServerTest, AReaderOverUdpLivesByItsReceiverReports) {
  serve();
  TestClient client(port());
  UniqueFd rtcp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof own;
  ASSERT_EQ(::bind(rtcp.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
  ::getsockname(rtcp.get(), reinterpret_cast<sockaddr*>(&own), &length);
  describe(client);
  const int rtcp_port = ntohs(own.sin_port);
  const std::string answer =
      ask(client, "SETUP", fmt::format("Transport: RTP/AVP;unicast;client_port={}-{}\r\n", rtcp_port - 1, rtcp_port));
  ASSERT_THAT(answer, HasSubstr("server_port="));
  const int server_rtcp = std::stoi(answer.substr(answer.find("server_port=") + 12)) + 1;
  clock_.advance(RtspSession::time_out - 1s);
  own.sin_port = htons(static_cast<uint16_t>(server_rtcp));
  ASSERT_EQ(::sendto(rtcp.get(), "\x80\xc9\0\x01\0\0\0\x01", 8, 0, reinterpret_cast<const sockaddr*>(&own), sizeof own),
            8);
  let_sweeps_pass();
  clock_.advance(RtspSession::time_out - 1s);
  let_sweeps_pass();
  EXPECT_EQ(server_->figures().sessions, 1u);
  clock_.advance(2s);
  EXPECT_TRUE(has_ended(client));
}

TEST_F(RtspServerTest, DescribeAndPlayGiveUpWithTheCamerasReason) {
  serve();
  cameras_.set_state(CameraState::away, "unplugged");
  TestClient client(port());
  client.send("DESCRIBE rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 1\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n");
  ASSERT_TRUE(is_open());
  EXPECT_FALSE(client.has("RTSP/1.0"));
  clock_.advance(RtspSession::answer_patience + 1s);
  ASSERT_TRUE(client.read_until("Public:"));
  const std::string answers = client.take();
  EXPECT_THAT(answers, StartsWith("RTSP/1.0 503"));
  EXPECT_THAT(answers, HasSubstr("camera front is away: unplugged"));

  describe(client);
  set_up(client);
  client.send("PLAY rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 3\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return server_->figures().readers == 1; }));
  clock_.advance(RtspSession::answer_patience + 1s);
  ASSERT_TRUE(client.read_until("\r\n\r\n"));
  EXPECT_TRUE(client.received().starts_with("RTSP/1.0 503") || client.received().starts_with("RTSP/1.0 200"));
}

TEST_F(RtspServerTest, WhoWaitsForAPictureCanNotFillTheMemory) {
  serve();
  TestClient client(port());
  client.send("DESCRIBE rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  ASSERT_TRUE(is_open());
  // The socket's buffers take some megabytes; then the server must not read on.
  const std::string noise = "$\x01\xff\xff" + std::string(65'535, 'x');
  size_t taken_bytes = 0;
  while (taken_bytes < size_t{64} << 20) {
    const ssize_t sent = ::send(client.fd(), noise.data(), noise.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) taken_bytes += static_cast<size_t>(sent);
    pollfd wait{client.fd(), POLLOUT, 0};
    if (sent < 0 && ::poll(&wait, 1, 500) == 0) break;
  }
  EXPECT_LT(taken_bytes, size_t{64} << 20);
}

TEST_F(RtspServerTest, HalfOpenConnectionsAreBoundedAndPlayersAreNot) {
  serve({.max_half_open = 3});
  TestClient player(port());
  play(player);
  std::vector<TestClient> silent;
  for (int i = 0; i < 3; ++i) ask(silent.emplace_back(port()), "OPTIONS");
  TestClient refused(port());
  EXPECT_TRUE(refused.read_until("503 Service Unavailable"));
  EXPECT_TRUE(refused.read_to_end());
  EXPECT_EQ(server_->figures().readers, 1u);
}

TEST_F(RtspServerTest, AStreamThatWeEncodeMakesAKeyframeForItsReader) {
  serve();
  TestClient client(port());
  describe(client);
  set_up(client);
  for (int i = 0; i < 10; ++i) publish(false);
  const int before = cameras_.keyframe_requests();
  client.send("PLAY rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 3\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return cameras_.keyframe_requests() > before; }));
  publish(false);
  EXPECT_FALSE(client.has("RTSP/1.0"));
  publish(true);
  EXPECT_TRUE(client.read_until("RTP-Info"));
  EXPECT_EQ(server_->figures().frames_dropped, 0u) << "what came before its first picture no reader has missed";
}

TEST_F(RtspServerTest, AKeyframeJustMadeServesTheNextReaderToo) {
  serve();
  TestClient client(port());
  describe(client);
  set_up(client);
  publish(true);
  publish(false);
  const int before = cameras_.keyframe_requests();
  EXPECT_THAT(ask(client, "PLAY"), HasSubstr("RTP-Info"));
  EXPECT_EQ(cameras_.keyframe_requests(), before);
}

TEST_F(RtspServerTest, ACamerasOwnStreamBeginsWithTheKeptGop) {
  cameras_.set_mode({.format = PixelFormat::h264, .size = {640, 480}, .fps_milli = 30'000});
  serve();
  ASSERT_TRUE(is_open()) << "kept while nobody watches";
  publish(true);
  for (int i = 0; i < 40; ++i) publish(false);  // 1.3 s
  TestClient client(port());
  EXPECT_THAT(ask(client, "DESCRIBE"), StartsWith("RTSP/1.0 200"));
  client.read_until("trackID=0\r\n");
  client.take();
  set_up(client);
  client.send("PLAY rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 3\r\n\r\n");
  ASSERT_TRUE(client.read_until(picture(41))) << "to the newest of them";
  for (uint64_t i = 1; i <= 41; ++i) EXPECT_NE(client.received().find(picture(i)), std::string::npos) << i;
  EXPECT_EQ(cameras_.keyframe_requests(), 0);
}

TEST_F(RtspServerTest, GopCacheOnKeepsTheGopOfWhatWeEncodeToo) {
  serve({.gop_cache = GopCache::on});
  TestClient client(port());
  describe(client);
  set_up(client);
  for (int i = 0; i < 10; ++i) publish(false);
  EXPECT_THAT(ask(client, "PLAY"), HasSubstr("RTP-Info"));
}

TEST_F(RtspServerTest, GopCacheOffWaitsForTheCamerasKeyframe) {
  cameras_.set_mode({.format = PixelFormat::h264, .size = {640, 480}, .fps_milli = 30'000});
  serve({.gop_cache = GopCache::off});
  EXPECT_TRUE(cameras_.open_streams("front").empty()) << "nothing is kept";
  TestClient client(port());
  describe(client);
  set_up(client);
  for (int i = 0; i < 10; ++i) publish(false);
  client.send("PLAY rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 3\r\n\r\n");
  EXPECT_TRUE(eventually([&] { return server_->figures().readers == 1; }));
  publish(false);
  EXPECT_FALSE(client.has("RTSP/1.0"));
  publish(true);
  EXPECT_TRUE(client.read_until("RTP-Info"));
}

TEST_F(RtspServerTest, ThePasswordCanChangeWhileItRuns) {
  serve({.password = "old"});
  TestClient client(port());
  EXPECT_THAT(ask(client, "GET_PARAMETER"), StartsWith("RTSP/1.0 401"));
  EXPECT_THAT(ask(client, "GET_PARAMETER", "Authorization: Basic dXNlcjpvbGQ=\r\n"), StartsWith("RTSP/1.0 200"));
  server_->set_password("new");
  EXPECT_THAT(ask(client, "GET_PARAMETER", "Authorization: Basic dXNlcjpvbGQ=\r\n"), StartsWith("RTSP/1.0 401"));
  EXPECT_THAT(ask(client, "GET_PARAMETER", "Authorization: Basic dXNlcjpuZXc=\r\n"), StartsWith("RTSP/1.0 200"));
}

TEST_F(RtspServerTest, ACameraThatIsRemovedEndsItsReaders) {
  serve();
  TestClient client(port());
  play(client);
  cameras_.remove_camera("front");
  EXPECT_TRUE(has_ended(client));
}

TEST(RtspTarget, EveryWayToNameACamera) {
  for (const char* url :
       {"rtsp://h/front", "rtsp://h:8553/front/", "rtsp://h/front/trackID=0", "rtsp://[::1]:8553/front/trackID=0/"}) {
    const auto target = parse_rtsp_target(url);
    ASSERT_TRUE(target) << url;
    EXPECT_EQ(target->camera_id, "front") << url;
    EXPECT_EQ(target->rendition, Rendition{.codec = Codec::h264}) << url;
  }
  for (const char* url : {"rtsp://h/front?size=320x240&fps=5", "rtsp://h/front?size=320x240&fps=5/trackID=0",
                          "rtsp://h/front/trackID=0?size=320x240&fps=5", "rtsp://h/front?size=320x240&fps=5/"}) {
    const auto target = parse_rtsp_target(url);
    ASSERT_TRUE(target) << url;
    EXPECT_EQ(target->camera_id, "front") << url;
    EXPECT_EQ(to_string(target->rendition.size), "320x240") << url;
    EXPECT_EQ(target->rendition.fps_milli, 5000) << url;
  }
  EXPECT_EQ(parse_rtsp_target("rtsp://h/front?codec=mjpeg")->rendition.codec, Codec::jpeg);
  for (const char* url : {"", "rtsp://", "rtsp://h", "rtsp://h/", "http://h/front", "rtsp://h/trackID=0",
                          "rtsp://h/a/b", "rtsp://h/front?codec=av1", "rtsp://h/front?size=1", "rtsp://h/%zz"}) {
    EXPECT_FALSE(parse_rtsp_target(url)) << url;
  }
}

}  // namespace
}  // namespace camweave
