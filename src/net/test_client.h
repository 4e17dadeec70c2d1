// TestClient: a blocking TCP client on loopback, for tests. Everything waits at most `patience`.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.h"

namespace camweave {

class TestClient {
 public:
  static constexpr std::chrono::seconds patience{30};

  // `receive_buffer_bytes`: a small one makes a slow reader fill the server's side soon.
  explicit TestClient(uint16_t port, int receive_buffer_bytes = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0) {
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0;
  }

  bool is_connected() const { return is_connected_; }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // Reads on until `received()` has `wanted`; false at the end of the connection or of patience.
  bool read_until(std::string_view wanted) {
    size_t searched = 0;  // megabytes may come before it: each is looked at once
    return read_while([&] {
      if (received_.find(wanted, searched) != std::string::npos) return false;
      searched = received_.size() - std::min(received_.size(), wanted.size());
      return true;
    });
  }
  bool read_bytes(size_t wanted) {
    return read_while([&] { return received_.size() < wanted; });
  }
  // True when the server ended the connection in time.
  bool read_to_end() {
    read_while([] { return true; });
    return ended_;
  }
  // Reads what is there already.
  const std::string& poll() {
    char buffer[64 * 1024];
    for (ssize_t got; (got = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
      received_.append(buffer, static_cast<size_t>(got));
    return received_;
  }
  bool has(std::string_view wanted) { return poll().find(wanted) != std::string::npos; }
  // What came, and takes it away.
  std::string take() { return std::exchange(received_, {}); }
  std::string take(size_t bytes) {
    std::string front = received_.substr(0, bytes);
    received_.erase(0, bytes);
    return front;
  }
  const std::string& received() const { return received_; }

  // One request on this connection, its whole answer by Content-Length.
  std::string exchange(std::string_view request) {
    if (!send(request) || !read_until("\r\n\r\n")) return take();
    const size_t head_bytes = received_.find("\r\n\r\n") + 4;
    const size_t field = received_.find("Content-Length: ");
    const bool has_body = field < head_bytes && !request.starts_with("HEAD");
    const size_t body_bytes = has_body ? std::stoul(received_.substr(field + 16)) : 0;
    read_bytes(head_bytes + body_bytes);
    return take(head_bytes + body_bytes);
  }
  std::string get(std::string_view target) {
    return exchange("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  void reset_connection() {
    const linger abort{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    fd_.reset();
  }
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  bool read_while(const std::function<bool()>& is_missing) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (is_missing()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      pollfd wait{fd_.get(), POLLIN, 0};
      if (ended_ || left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) return false;
      char buffer[64 * 1024];
      const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (got <= 0) ended_ = true;
      if (got > 0) received_.append(buffer, static_cast<size_t>(got));
    }
    return true;
  }

  UniqueFd fd_;
  bool is_connected_ = false;
  bool ended_ = false;
  std::string received_;
};

// Waits for something to become true, as long as TestClient's patience.
inline bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + TestClient::patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace camweave
