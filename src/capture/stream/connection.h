// Connection: a TCP connection, with TLS where asked for, whose every wait ends at once when the camera is to stop, and
// at a deadline. Thread-bound. A `timeout`, `unavailable` or `permission_denied` (a certificate) error names the peer's
// host alone.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <span>
#include <string>

#include "capture/camera.h"

namespace camweave::stream_driver {

enum class Transport { plain, tls };

class Connection {
 public:
  // `stop` may be null and outlives the connection.
  static Result<Connection> open(const std::string& host, const std::string& port, Transport transport,
                                 Timestamp deadline, const StopSignal* stop);
  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&&) noexcept = default;

  void watch(const StopSignal* stop) { stop_ = stop; }

  // At least one byte, or 0 at the peer's end.
  Result<size_t> read(std::span<std::byte> into, Timestamp deadline);
  Result<void> write(std::string_view text, Timestamp deadline);
  const std::string& peer() const { return peer_; }

 private:
  struct FreeTls {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };
  Connection(UniqueFd fd, std::string peer, const StopSignal* stop)
      : fd_(std::move(fd)), peer_(std::move(peer)), stop_(stop) {}
  Result<void> start_tls(const std::string& host, Timestamp deadline);
  Result<void> wait(short events, Timestamp deadline) const;
  // Waits as OpenSSL asks; anything else is an error.
  Result<void> wait_for_tls(int result, const char* what, Timestamp deadline) const;

  UniqueFd fd_;
  std::unique_ptr<SSL, FreeTls> tls_;
  std::string peer_;
  const StopSignal* stop_ = nullptr;
};

}  // namespace camweave::stream_driver
