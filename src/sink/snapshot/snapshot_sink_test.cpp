#include "sink/snapshot/snapshot_sink.h"

#include <gtest/gtest.h>

#include "sink/http_test_server.h"

namespace camweave {
namespace {

class SnapshotTest : public SinkTest {
 protected:
  void SetUp() override {
    router_.add(HttpMethod::get, "/api/v1/cameras/{id}/snapshot.jpg", snapshot_handler(cameras_));
    serve();
  }
  static constexpr const char* path = "/api/v1/cameras/front/snapshot.jpg";
  static std::string request(const std::string& query = "") {
    return std::string("GET ") + path + query + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
};

TEST_F(SnapshotTest, SendsTheNextPictureAndLetsTheRenditionGo) {
  TestClient client(port_);
  client.send(request("?size=320x240&quality=50"));
  ASSERT_TRUE(has_readers("front"));
  EXPECT_EQ(cameras_.open_streams("front").front()->rendition(), (Rendition{.size = {320, 240}, .quality = 50}));
  cameras_.publish("front", info(3), picture(3, 500));
  ASSERT_TRUE(client.read_until(picture(3, 500)));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(client.received().find("Content-Type: image/jpeg\r\n"), std::string::npos);
  EXPECT_NE(client.received().find("Content-Length: 500\r\n"), std::string::npos);
  EXPECT_NE(client.received().find("Cache-Control: no-store\r\n"), std::string::npos);
  EXPECT_NE(client.received().find("X-Sequence: 3\r\n"), std::string::npos);
  EXPECT_TRUE(has_readers("front", 0));
}

TEST_F(SnapshotTest, TakesAFreshPictureThatIsThere) {
  const auto stream = *cameras_.open("front", {});
  cameras_.publish("front", info(1), picture(1, 500));
  TestClient client(port_);
  EXPECT_TRUE(client.get(path).ends_with(picture(1, 500)));
}

TEST_F(SnapshotTest, AStaleOneIsWaitedOut) {
  const auto stream = *cameras_.open("front", {});
  cameras_.publish("front", info(1), picture(1, 500));
  clock_.advance(std::chrono::seconds(3));
  TestClient client(port_);
  client.send(request());
  ASSERT_TRUE(eventually([&] { return count(NetCounter::requests) == 1; }));
  cameras_.publish("front", info(2), picture(2, 500));
  EXPECT_TRUE(client.read_until(picture(2, 500)));
}

TEST_F(SnapshotTest, NothingInTimeIs503WithTheCamerasState) {
  cameras_.set_state(CameraState::away, "unplugged");
  TestClient client(port_);
  client.send(request());
  ASSERT_TRUE(has_readers("front"));
  ASSERT_TRUE(eventually([&] {
    clock_.advance(std::chrono::milliseconds(100));
    return client.has("}");
  }));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 503"));
  EXPECT_NE(client.received().find("it is away (unplugged)"), std::string::npos);
  EXPECT_TRUE(has_readers("front", 0));
}

TEST_F(SnapshotTest, AFullOneIsAStill) {
  TestClient client(port_);
  EXPECT_TRUE(client.get(std::string(path) + "?full=1").starts_with("HTTP/1.1 503"));
  cameras_.set_still([&]() -> Result<PacketPtr> {
    const std::string body = picture(9, 900);
    const iovec piece{const_cast<char*>(body.data()), body.size()};
    auto packet = std::make_shared<Packet>();
    packet->body = *cameras_.memory()->store(std::span(&piece, 1));
    return PacketPtr(std::move(packet));
  });
  EXPECT_TRUE(client.get(std::string(path) + "?full=1").ends_with(picture(9, 900)));
  EXPECT_TRUE(client.get(std::string(path) + "?full=yes").starts_with("HTTP/1.1 422"));
}

TEST_F(SnapshotTest, WaitingOnesEndWithTheServer) {
  TestClient client(port_);
  client.send(request());
  ASSERT_TRUE(has_readers("front"));
  server_.reset();
  loops_.reset();
  EXPECT_TRUE(cameras_.open_streams("front").empty());
}

}  // namespace
}  // namespace camweave
