// Connection: one accepted TCP (or UNIX) socket on its loop, after HTTP let go of it: the descriptor, readiness without
// allocation, and nothing else, so that ten thousand idle ones are small. Thread-bound to its loop; may be made
// elsewhere.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "net/io_loop.h"
#include "net/ip_address.h"
#include "net/readiness.h"

namespace camweave {

class Connection {
 public:
  // `held` is given back when the connection ends (its place among the listener's connections).
  Connection(IoLoop& loop, UniqueFd fd, IpAddress peer, std::shared_ptr<void> held = nullptr);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  IoLoop& loop() const { return loop_; }
  const IpAddress& peer() const { return peer_; }
  bool is_open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }  // -1 once closed; non-blocking

  // One call of on_readable() / on_writable() each, unless closed before. At most one wait of each kind at a time:
  // asking again while one is pending does nothing.
  void wait_readable(std::shared_ptr<ReadinessHandler> handler);
  void wait_writable(std::shared_ptr<ReadinessHandler> handler);

  // Pending waits are dropped, their handlers let go soon after. Idempotent.
  void close();

  // Bytes that were read before the connection changed hands.
  void put_back(std::string bytes) { put_back_ = std::move(bytes); }
  std::string take_put_back() { return std::exchange(put_back_, {}); }

  // Bytes read (> 0), 0 at the peer's end, would_block, or failed.
  static constexpr ptrdiff_t would_block = -1, failed = -2;
  ptrdiff_t read(std::span<std::byte> into);

 private:
  IoLoop& loop_;
  UniqueFd fd_;
  std::unique_ptr<SocketWatch> watch_;
  const IpAddress peer_;
  std::string put_back_;
  std::shared_ptr<void> held_;
};

}  // namespace camweave
