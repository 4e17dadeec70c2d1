#include "net/connection.h"

#include <sys/socket.h>

#include <cerrno>

namespace camweave {

Connection::Connection(IoLoop& loop, UniqueFd fd, IpAddress peer, std::shared_ptr<void> held)
    : loop_(loop),
      fd_(std::move(fd)),
      watch_(std::make_unique<SocketWatch>(loop.readiness(), fd_.get())),
      peer_(peer),
      held_(std::move(held)) {}

Connection::~Connection() { close(); }

void Connection::wait_readable(std::shared_ptr<ReadinessHandler> handler) {
  if (is_open()) watch_->wait_readable(std::move(handler));
}

void Connection::wait_writable(std::shared_ptr<ReadinessHandler> handler) {
  if (is_open()) watch_->wait_writable(std::move(handler));
}

void Connection::close() {
  if (!is_open()) return;
  SocketWatch::end(std::move(watch_));
  fd_.reset();
  if (held_) loop_.counters().add(NetCounter::connections_closed);
  held_.reset();
}

ptrdiff_t Connection::read(std::span<std::byte> into) {
  for (;;) {
    const ssize_t got = ::recv(fd(), into.data(), into.size(), 0);
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? would_block : failed;
  }
}

}  // namespace camweave
