// The server with its picture sinks over fake cameras, for tests.
#pragma once

#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "net/http_server.h"
#include "net/test_client.h"
#include "stream/fake_cameras.h"

namespace camweave {

class SinkTest : public ::testing::Test {
 protected:
  void serve(HttpLimits limits = {}) {
    server_ = std::make_unique<HttpServer>(*loops_, router_, Access(), log_, limits);
    auto bound = server_->listen(*parse_listen_address("127.0.0.1:0"));
    ASSERT_TRUE(bound.ok());
    port_ = bound->port;
  }
  void TearDown() override {
    server_.reset();
    loops_.reset();
  }
  uint64_t count(NetCounter counter) { return loops_->read(counter); }

  PacketInfo info(uint64_t sequence) {
    PacketInfo info;
    info.sequence = sequence;
    info.capture_time = clock_.now();
    info.capture_wall = UnixMicroseconds(1'700'000'000'123'456);
    info.metadata = {.exposure_us = 8000, .gain = 2.5f};
    return info;
  }
  // A picture whose bytes tell its number, so that a torn one shows.
  static std::string picture(uint64_t sequence, size_t size_bytes) {
    std::string body = "\xff\xd8" + std::string(size_bytes - 4, static_cast<char>('A' + sequence % 26)) + "\xff\xd9";
    return body;
  }
  bool has_readers(const std::string& id, size_t renditions = 1) {
    return eventually([&] { return cameras_.open_streams(id).size() == renditions; });
  }
  static std::string upgrade(const std::string& path) {
    return "GET " + path +
           " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  }

  FakeClock clock_;
  Log log_{clock_, LogLevel::error, [](const LogLine&) {}};
  FakeCameras cameras_{{"front", "line"}};
  Router router_;
  std::unique_ptr<IoLoops> loops_ = *IoLoops::start(clock_, 2);
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
};

}  // namespace camweave
