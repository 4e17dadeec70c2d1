// What a frame costs on the I/O loop, counted: one call for each client (sendfile for the first, splice for the others)
// and a tee for every eight of them, nothing else that grows with the clients, and no allocation for each client once
// warm. The counts don't depend on the machine. The system calls are counted where the program enters the C library:
// this program defines the wrappers itself.
#pragma once

#include <gtest/gtest.h>

#include "net/counted_calls/counted_calls.h"
#include "net/frame_pipe.h"
#include "net/test_client.h"
#include "sink/http_test_server.h"

namespace camweave {

// A protocol's test derives from this: it adds its route and says how a client asks for the stream.
class FramePathTest : public SinkTest {
 protected:
  void SetUp() override {
    loops_ = *IoLoops::start(clock_, 1);
    add_route();
    serve();
  }
  virtual void add_route() = 0;
  virtual std::string request() const = 0;

  void count_on_loop(bool on) {
    std::atomic<bool> done = false;
    loops_->at(0).post([&] {
      counts_here = on;
      done = true;
    });
    ASSERT_TRUE(eventually([&] { return done.load(); }));
  }
  void send_frames(std::vector<std::unique_ptr<TestClient>>& clients, uint64_t frames) {
    for (uint64_t i = 0; i < frames; ++i) {
      const uint64_t sent_before = count(NetCounter::frames_sent);
      ++sequence_;
      cameras_.publish("front", info(sequence_), picture(sequence_, 20'000));
      ASSERT_TRUE(eventually([&] { return count(NetCounter::frames_sent) == sent_before + clients.size(); }));
      for (auto& client : clients) {
        ASSERT_TRUE(client->read_bytes(20'000));
        client->poll();
        client->take();
      }
    }
  }
  // The counts of `frames` frames, after a warm-up.
  CountedCalls measure(size_t client_count, uint64_t frames) {
    std::vector<std::unique_ptr<TestClient>> clients;
    for (size_t i = 0; i < client_count; ++i) {
      clients.push_back(std::make_unique<TestClient>(port_));
      clients.back()->send(request());
      EXPECT_TRUE(clients.back()->read_until("\r\n\r\n"));
    }
    send_frames(clients, 10);
    count_on_loop(true);
    counted_calls = CountedCalls();
    send_frames(clients, frames);
    const CountedCalls result = counted_calls;
    count_on_loop(false);
    for (auto& client : clients) client->close();
    EXPECT_TRUE(has_readers("front", 0));
    return result;
  }
  // The whole test: counts for a few and for many clients.
  void expect_one_call_and_nothing_else() {
    constexpr uint64_t frames = 20, few = 5, many = 50;
    const CountedCalls for_few = measure(few, frames);
    const CountedCalls for_many = measure(many, frames);
    constexpr uint64_t to_load = 3;      // the last frame's copies out of both pipes, the new one in
    constexpr uint64_t to_multiply = 7;  // 1, 1, 2, 4 and 8 copies, three of these doubled
    EXPECT_EQ(for_many.sendfile, frames);
    EXPECT_LE(for_many.splice, (many - 1 + to_load) * frames);
    EXPECT_LE(for_many.tee, (many / FramePipe::most_copies + to_multiply) * frames);
    EXPECT_EQ(for_many.other_socket_calls, 0u);
    // One wake-up for each packet, and the sweep's few, however many clients.
    EXPECT_LE(for_many.epoll_ctl, 2 * frames);
    EXPECT_LE(for_many.epoll_wait, 4 * frames);
    // Building the image of a frame allocates; sending it to one more client does not.
    EXPECT_LE(for_many.allocations, for_few.allocations + frames / 2);
    EXPECT_LE(for_many.allocations, 10 * frames);
    RecordProperty("allocations_per_frame", std::to_string(static_cast<double>(for_many.allocations) / frames));
  }

  uint64_t sequence_ = 0;
};

}  // namespace camweave
