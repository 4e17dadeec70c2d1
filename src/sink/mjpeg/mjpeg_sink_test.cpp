#include "sink/mjpeg/mjpeg_sink.h"

#include <gtest/gtest.h>

#include "sink/http_test_server.h"

namespace camweave {
namespace {

class MjpegTest : public SinkTest {
 protected:
  void SetUp() override {
    router_.add(HttpMethod::get, "/api/v1/cameras/{id}/stream.mjpg", mjpeg_handler(cameras_));
    router_.add(HttpMethod::get, "/preview", [this](const auto& exchange) {
      start_mjpeg(exchange, cameras_, "front", {}, {.metadata_headers = false, .length = std::chrono::seconds(3)});
    });
    serve();
  }
  static constexpr const char* request = "GET /api/v1/cameras/front/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n";
};

TEST_F(MjpegTest, PartsCarryTheirLengthTimeAndMetadata) {
  TestClient client(port_);
  client.send(request);
  ASSERT_TRUE(client.read_until("\r\n\r\n--frame\r\n"));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(client.received().find("Content-Type: multipart/x-mixed-replace; boundary=frame\r\n"), std::string::npos);
  EXPECT_NE(client.received().find("Cache-Control: no-store\r\n"), std::string::npos);
  client.take();
  cameras_.publish("front", info(7), picture(7, 1000));
  // The boundary that ends a part comes with it.
  ASSERT_TRUE(client.read_until("\r\n--frame\r\n"));
  EXPECT_EQ(client.received(),
            "Content-Type: image/jpeg\r\nContent-Length: 1000\r\nX-Timestamp: 1700000000.123456\r\nX-Sequence: 7\r\n"
            "X-Exposure-Us: 8000\r\nX-Gain: 2.500\r\n\r\n" +
                picture(7, 1000) + "\r\n--frame\r\n");
}

TEST_F(MjpegTest, APlainPreviewHasNothingButTheTypeAndEndsInTime) {
  TestClient client(port_);
  client.send("GET /preview HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(client.read_until("--frame\r\n"));
  client.take();
  cameras_.publish("front", info(1), picture(1, 100));
  ASSERT_TRUE(client.read_until("\r\n--frame\r\n"));
  EXPECT_EQ(client.take(), "Content-Type: image/jpeg\r\n\r\n" + picture(1, 100) + "\r\n--frame\r\n");
  clock_.advance(std::chrono::seconds(4));
  EXPECT_TRUE(client.read_to_end());
}

TEST_F(MjpegTest, HeadAnswersWithoutOpeningAnything) {
  TestClient client(port_);
  const std::string answer =
      client.exchange("HEAD /api/v1/cameras/front/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(answer.find("multipart/x-mixed-replace"), std::string::npos);
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
}

TEST_F(MjpegTest, BadParametersAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"size=640", "size must be"},     {"size=0x0", "size must be"},       {"size=99999x1", "size must be"},
      {"fps=0", "fps must be"},         {"fps=nan", "fps must be"},         {"fps=1e9", "fps must be"},
      {"quality=0", "quality must be"}, {"quality=101", "quality must be"}, {"quality=80%20", "quality must be"},
      {"rotate=45", "rotate must be"},  {"rotate=-90", "rotate must be"},   {"rotate=360", "rotate must be"}};
  TestClient client(port_);
  for (const auto& [query, message] : cases) {
    const std::string answer = client.get("/api/v1/cameras/front/stream.mjpg?" + query);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 422")) << query << ": " << answer;
    EXPECT_NE(answer.find(message), std::string::npos) << query << ": " << answer;
  }
  EXPECT_TRUE(client.get("/api/v1/cameras/nobody/stream.mjpg").starts_with("HTTP/1.1 404"));
}

TEST_F(MjpegTest, TheNinthRenditionIsRefusedWithTheReason) {
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 1; i <= 8; ++i) {
    clients.push_back(std::make_unique<TestClient>(port_));
    clients.back()->send("GET /api/v1/cameras/front/stream.mjpg?quality=" + std::to_string(i) +
                         " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(clients.back()->read_until("--frame"));
  }
  TestClient ninth(port_);
  const std::string answer = ninth.get("/api/v1/cameras/front/stream.mjpg?quality=9");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503"));
  EXPECT_NE(answer.find("8 different renditions"), std::string::npos);
  clients.front()->close();
  ASSERT_TRUE(has_readers("front", 7));
}

TEST_F(MjpegTest, TheLeaseEndsWithTheClient) {
  TestClient client(port_);
  client.send(request);
  ASSERT_TRUE(client.read_until("--frame"));
  EXPECT_EQ(cameras_.open_streams("front").size(), 1u);
  client.close();
  EXPECT_TRUE(has_readers("front", 0));
}

TEST_F(MjpegTest, ARemovedCameraEndsItsStreams) {
  TestClient client(port_);
  client.send(request);
  ASSERT_TRUE(client.read_until("--frame"));
  cameras_.remove_camera("front");
  EXPECT_TRUE(client.read_to_end());
}

TEST_F(MjpegTest, AClientThatStopsReadingGetsOneFrameAndIsCutOffWhileOthersGoOn) {
  TestClient slow(port_, 4096), fast(port_);
  for (TestClient* client : {&slow, &fast}) {
    client->send(request);
    ASSERT_TRUE(client->read_until("--frame\r\n"));
    client->take();
  }
  const size_t size = size_t{8} << 20;  // more than any socket takes at once
  size_t most_live = 0;
  for (uint64_t i = 1; i <= 5; ++i) {
    cameras_.publish("front", info(i), picture(i, size));
    ASSERT_TRUE(fast.read_until("X-Sequence: " + std::to_string(i) + "\r\n")) << i;
    ASSERT_TRUE(fast.read_until("\r\n--frame\r\n"));
    fast.take();
    most_live = std::max(most_live, cameras_.memory()->live_bytes());
  }
  // The newest packet, its image, and the one image that the slow client has in flight.
  EXPECT_LT(most_live, 3 * size + size / 2);
  ASSERT_TRUE(eventually([&] {
    clock_.advance(std::chrono::seconds(3));
    return count(NetCounter::slow_clients_cut) == 1;
  }));
  cameras_.publish("front", info(6), picture(6, 1000));
  EXPECT_TRUE(fast.read_until("X-Sequence: 6\r\n"));
  EXPECT_TRUE(slow.read_to_end());
}

TEST_F(MjpegTest, ASlowClientGetsWholeFramesAndTheNewest) {
  TestClient slow(port_, 4096);
  slow.send(request);
  ASSERT_TRUE(slow.read_until("--frame\r\n"));
  slow.take();
  const size_t size = size_t{6} << 20;
  for (uint64_t i = 1; i <= 20; ++i) cameras_.publish("front", info(i), picture(i, size));
  // The first that was begun, then, once read, the last.
  ASSERT_TRUE(slow.read_until("\r\n--frame\r\n"));
  ASSERT_TRUE(slow.read_until("X-Sequence: 20\r\n"));
  ASSERT_TRUE(slow.read_until(picture(20, size)));
  EXPECT_GT(count(NetCounter::frames_dropped_slow_client), 0u);
}

TEST_F(MjpegTest, AFloodOfInputEndsTheSession) {
  TestClient client(port_);
  client.send(request);
  ASSERT_TRUE(client.read_until("--frame"));
  for (int i = 0; i < 300 && client.send(std::string(1000, 'x')); ++i) {
  }
  EXPECT_TRUE(has_readers("front", 0));
}

}  // namespace
}  // namespace camweave
