// FakeTarget: an RTSP server that a test plays by hand, one step after another, on loopback. Blocking; everything waits
// at most ten seconds. For tests only.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "net/rtsp/rtsp_message.h"

namespace camweave {

class FakeTarget {
 public:
  explicit FakeTarget(uint16_t port = 0) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1, small = 64 * 1024;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    socklen_t length = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }

  uint16_t port() const { return port_; }
  std::string url(const std::string& user = "") const {
    return "rtsp://" + (user.empty() ? "" : user + "@") + "127.0.0.1:" + std::to_string(port_) + "/cam";
  }

  // The next connection; what was received on the last one is forgotten.
  [[nodiscard]] bool accept() {
    if (!wait(listener_.get())) return false;
    connection_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    reader_.emplace(rtsp::MessageLimits{});
    packets_.clear();
    return static_cast<bool>(connection_);
  }
  bool has_connection_waiting() const {
    pollfd waiting{listener_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) > 0;
  }

  // The next request; packets before it are kept for next_packet(). An empty method: the peer has closed.
  rtsp::Request request() {
    for (;;) {
      auto event = next_event();
      if (!event) return {};
      if (event->kind == rtsp::MessageReader::Kind::request) return event->request;
    }
  }
  rtsp::Request expect(std::string_view method) {
    auto got = request();
    EXPECT_EQ(got.method, method);
    return got;
  }
  void answer(const rtsp::Request& request, int status = 200, rtsp::Headers headers = {}) {
    headers.emplace_back("CSeq", request.header("CSeq"));
    send(serialize(rtsp::Response{status, std::move(headers), {}}));
  }
  void answer_set_up(const rtsp::Request& request) {
    answer(request, 200, {{"Session", "s1;timeout=60"}, {"Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"}});
  }
  // Everything as it should be, up to the answer to RECORD. Gives the session description.
  std::string take_session() {
    answer(expect("OPTIONS"), 200, {{"Public", "ANNOUNCE, SETUP, RECORD, GET_PARAMETER, TEARDOWN"}});
    const auto announced = expect("ANNOUNCE");
    answer(announced);
    answer_set_up(expect("SETUP"));
    answer(expect("RECORD"));
    return announced.body;
  }

  struct Packet {
    int channel = -1;  // -1: the peer has closed
    std::string bytes;
    uint16_t sequence() const { return static_cast<uint16_t>(byte(2) << 8 | byte(3)); }
    bool marker() const { return (byte(1) & 0x80) != 0; }
    // Of what is inside: several where units are aggregated (STAP-A), and what a fragment is of (FU-A).
    std::vector<int> nal_types() const {
      const int type = byte(12) & 0x1f;
      if (type == 28) return {static_cast<int>(byte(13) & 0x1f)};
      if (type != 24) return {type};
      std::vector<int> types;
      for (size_t at = 13; at + 2 < bytes.size(); at += 2 + (byte(at) << 8 | byte(at + 1)))
        types.push_back(byte(at + 2) & 0x1f);
      return types;
    }
    unsigned byte(size_t at) const { return static_cast<unsigned char>(bytes.at(at)); }
  };
  Packet packet() {
    while (packets_.empty()) {
      auto event = next_event();
      if (!event) return {};
    }
    Packet first = packets_.front();
    packets_.erase(packets_.begin());
    return first;
  }
  Packet packet_on(int channel) {
    for (;;) {
      Packet one = packet();
      if (one.channel == channel || one.channel < 0) return one;
    }
  }
  // The NAL types of the next whole frame: a fragmented unit counted once.
  std::vector<int> frame() {
    std::vector<int> types;
    for (;;) {
      const Packet one = packet_on(0);
      if (one.channel < 0) return {};
      for (const int type : one.nal_types()) {
        if (types.empty() || types.back() != type) types.push_back(type);
      }
      if (one.marker()) return types;
    }
  }

  void send(std::string_view bytes) {
    EXPECT_EQ(::send(connection_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  const std::vector<rtsp::Response>& responses() const { return responses_; }
  void close() { connection_.reset(); }
  void reset() {
    const linger abort{1, 0};
    ::setsockopt(connection_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    connection_.reset();
  }
  void stop_listening() { listener_.reset(); }

 private:
  static bool wait(int fd) {
    pollfd waiting{fd, POLLIN, 0};
    return ::poll(&waiting, 1, 10'000) > 0;
  }
  // Interleaved packets go to packets_ on the way. None: the peer has closed, or says nothing.
  std::optional<rtsp::MessageReader::Event> next_event() {
    for (;;) {
      auto event = reader_->next();
      if (!event) {
        ADD_FAILURE() << event.error().message;
        return std::nullopt;
      }
      if (event->kind == rtsp::MessageReader::Kind::interleaved) {
        const auto payload = event->interleaved.payload;
        packets_.push_back(
            {event->interleaved.channel, {reinterpret_cast<const char*>(payload.data()), payload.size()}});
      }
      if (event->kind == rtsp::MessageReader::Kind::response) responses_.push_back(event->response);
      if (event->kind != rtsp::MessageReader::Kind::need_more) return *std::move(event);
      std::byte buffer[4096];
      const ssize_t got = wait(connection_.get()) ? ::recv(connection_.get(), buffer, sizeof buffer, 0) : -1;
      if (got <= 0) return std::nullopt;
      reader_->feed(std::span(buffer).first(static_cast<size_t>(got)));
    }
  }

  UniqueFd listener_;
  UniqueFd connection_;
  uint16_t port_ = 0;
  std::optional<rtsp::MessageReader> reader_;
  std::vector<Packet> packets_;
  std::vector<rtsp::Response> responses_;
};

}  // namespace camweave
