#include "net/outbound/connector.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <cerrno>

namespace camweave {
namespace {

socklen_t length_of(const sockaddr_storage& address) {
  return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

}  // namespace

std::shared_ptr<Connector> Connector::start(IoLoop& loop, std::string host, uint16_t port, Done done) {
  std::shared_ptr<Connector> connector(new Connector(loop, std::move(host), port, std::move(done)));
  connector->lookup_.emplace(loop, connector->host_, port, [raw = connector.get()](const auto& found) {
    if (!found) return raw->finish(found.error());
    raw->addresses_ = *found;
    raw->try_next();
  });
  return connector;
}

void Connector::try_next() {
  const auto keep = shared_from_this();
  trying_.reset();
  while (next_ < addresses_.size()) {
    const sockaddr_storage& address = addresses_[next_++];
    UniqueFd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto& plain = reinterpret_cast<const sockaddr&>(address);
    if (!fd || (::connect(fd.get(), &plain, length_of(address)) != 0 && errno != EINPROGRESS)) {
      last_error_ = errno;
      continue;
    }
    trying_ = std::make_unique<Connection>(loop_, std::move(fd), IpAddress::from_socket_address(plain));
    return trying_->wait_writable(keep);
  }
  finish(system_error(fmt::format("{}:{}", host_, port_), last_error_ ? last_error_ : EADDRNOTAVAIL));
}

void Connector::on_writable() {
  if (!trying_) return;
  socklen_t length = sizeof last_error_;
  ::getsockopt(trying_->fd(), SOL_SOCKET, SO_ERROR, &last_error_, &length);
  if (last_error_ != 0) return try_next();
  finish(std::move(trying_));
}

void Connector::finish(Result<std::unique_ptr<Connection>> result) {
  const auto keep = shared_from_this();
  if (const auto done = std::exchange(done_, nullptr)) done(std::move(result));
}

void Connector::cancel() {
  done_ = nullptr;
  lookup_.reset();
  trying_.reset();
}

}  // namespace camweave
