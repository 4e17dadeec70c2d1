// No frame is ever torn: slow readers, whose sockets hold pages of frames long gone, and a packet memory so small that
// its regions are used again and again while those pages wait.
#include <gtest/gtest.h>

#include <thread>

#include "sink/http_test_server.h"
#include "sink/mjpeg/mjpeg_sink.h"

namespace camweave {
namespace {

class TornFrameTest : public ::testing::Test {
 protected:
  static constexpr size_t frame_bytes = 60'000;
  static constexpr uint64_t frame_count = 3000;

  static std::string picture(uint64_t sequence) {
    std::string body(frame_bytes, '\0');
    for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + (sequence + i / 4096) % 26);
    return body;
  }

  // Reads `client` slowly to the end of the last frame; answers the frames that were whole, or stops at the first torn
  // one.
  static uint64_t read_slowly(TestClient& client, std::string& problem) {
    uint64_t whole = 0;
    for (uint64_t last = 0; last < frame_count;) {
      if (!client.read_until("\r\n\r\n")) return problem = "the stream ended", whole;
      const std::string head = client.take(client.received().find("\r\n\r\n") + 4);
      const size_t field = head.find("X-Sequence: ");
      if (field == std::string::npos) continue;  // the answer's own head
      last = std::stoull(head.substr(field + 12));
      // In pieces with pauses, so that the rest of the frame stays queued.
      for (size_t had = 0; had < frame_bytes;) {
        had = std::min(had + 16'384, frame_bytes);
        if (!client.read_bytes(had)) return problem = "the frame ended", whole;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      if (client.take(frame_bytes) != picture(last))
        return problem = "frame " + std::to_string(last) + " is torn", whole;
      ++whole;
    }
    return whole;
  }
};

TEST_F(TornFrameTest, SlowReadersAndATinyMemory) {
  FakeClock clock;
  Log log(clock, LogLevel::error, [](const LogLine&) {});
  FakeCameras cameras({"front"}, 8 * frame_bytes);
  Router router;
  router.add(HttpMethod::get, "/mjpeg", [&](const auto& exchange) { start_mjpeg(exchange, cameras, "front", {}); });
  auto loops = *IoLoops::start(clock, 2);
  HttpServer server(*loops, router, Access(), log);
  const uint16_t port = server.listen(*parse_listen_address("127.0.0.1:0"))->port;

  constexpr size_t readers = 6;
  std::vector<std::unique_ptr<TestClient>> clients;
  for (size_t i = 0; i < readers; ++i) {
    clients.push_back(std::make_unique<TestClient>(port, 16 * 1024));
    clients.back()->send("GET /mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(clients.back()->read_until("--frame\r\n"));
  }
  std::vector<std::thread> threads;
  std::array<uint64_t, readers> whole{};
  std::array<std::string, readers> problems;
  std::atomic<size_t> reading = readers;
  for (size_t i = 0; i < readers; ++i) {
    threads.emplace_back([&, i] {
      whole[i] = read_slowly(*clients[i], problems[i]);
      --reading;
    });
  }
  for (uint64_t i = 1; i <= frame_count; ++i) {
    PacketInfo info;
    info.sequence = i;
    cameras.publish("front", info, picture(i));
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  // The last frame, again and again: a reader may have missed it for want of memory.
  while (reading > 0) {
    PacketInfo info;
    info.sequence = frame_count;
    cameras.publish("front", info, picture(frame_count));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < readers; ++i) {
    EXPECT_EQ(problems[i], "") << "after " << whole[i] << " whole frames";
    EXPECT_GT(whole[i], 5u);
  }
  EXPECT_GT(loops->read(NetCounter::frames_dropped_slow_client), 0u);
}

}  // namespace
}  // namespace camweave
