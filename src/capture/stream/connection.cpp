#include "capture/stream/connection.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <thread>

#include "capture/poll_until.h"

namespace camweave::stream_driver {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Error stopped() { return Error{ErrorCode::unavailable, "stopped"}; }

Result<void> wait_for(int fd, short events, Timestamp deadline, const StopSignal* stop, const std::string& peer,
                      const char* what) {
  std::array<pollfd, 2> fds{{{fd, events, 0}, {stop ? stop->fd() : -1, POLLIN, 0}}};
  if (!poll_until(fds, deadline)) return Error{ErrorCode::timeout, fmt::format("{}: {}", peer, what)};
  if (fds[1].revents) return stopped();
  return {};
}

// A name server that doesn't answer can hold getaddrinfo for long, and nothing can interrupt it: it has a thread of its
// own, which outlives us if need be and touches only what it shares.
struct Lookup {
  UniqueFd done{::eventfd(0, EFD_CLOEXEC)};
  int error = 0;
  Addresses found;
};

Result<Addresses> look_up(const std::string& host, const std::string& port, Timestamp deadline,
                          const StopSignal* stop) {
  auto lookup = std::make_shared<Lookup>();
  std::thread([lookup, host, port] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    lookup->error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    lookup->found.reset(found);
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(lookup->done.get(), &one, sizeof one);
  }).detach();
  auto waited = wait_for(lookup->done.get(), POLLIN, deadline, stop, host, "the name server doesn't answer");
  if (!waited) return waited.error();
  // The read is what orders the thread's writes before ours.
  uint64_t finished = 0;
  [[maybe_unused]] const ssize_t got = ::read(lookup->done.get(), &finished, sizeof finished);
  if (lookup->error != 0) {
    return Error{ErrorCode::unavailable, fmt::format("{}: no such host ({})", host, ::gai_strerror(lookup->error))};
  }
  return std::move(lookup->found);
}

Result<UniqueFd> connect_to(const addrinfo& address, const std::string& peer, Timestamp deadline,
                            const StopSignal* stop) {
  UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_error(peer);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) return Error{ErrorCode::unavailable, system_error(peer).message};
  if (auto waited = wait_for(fd.get(), POLLOUT, deadline, stop, peer, "no answer to the connection"); !waited)
    return waited.error();
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Error{ErrorCode::unavailable, system_error(peer, error).message};
  return fd;
}

}  // namespace

Result<Connection> Connection::open(const std::string& host, const std::string& port, Transport transport,
                                    Timestamp deadline, const StopSignal* stop) {
  const std::string peer = fmt::format("{} port {}", host, port);
  auto addresses = look_up(host, port, deadline, stop);
  if (!addresses) return addresses.error();
  Result<UniqueFd> fd = Error{ErrorCode::unavailable, peer + ": no address"};
  for (const addrinfo* address = addresses->get(); address && !fd; address = address->ai_next) {
    fd = connect_to(*address, peer, deadline, stop);
    if (stop && stop->raised()) return stopped();
  }
  if (!fd) return fd.error();
  Connection connection(*std::move(fd), peer, stop);
  if (transport == Transport::tls) {
    if (auto started = connection.start_tls(host, deadline); !started) return started.error();
  }
  return connection;
}

Result<void> Connection::start_tls(const std::string& host, Timestamp deadline) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (!context) return Error{ErrorCode::internal, "TLS can't be set up"};
  SSL_CTX_set_default_verify_paths(context.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  tls_.reset(SSL_new(context.get()));
  if (!tls_) return Error{ErrorCode::internal, "TLS can't be set up"};
  in6_addr ignored{};
  const bool is_address =
      ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), host.c_str());
  } else {
    SSL_set1_host(tls_.get(), host.c_str());
    SSL_set_tlsext_host_name(tls_.get(), host.c_str());
  }
  SSL_set_fd(tls_.get(), fd_.get());
  for (int result; ERR_clear_error(), (result = SSL_connect(tls_.get())) != 1;) {
    if (const long verified = SSL_get_verify_result(tls_.get()); verified != X509_V_OK) {
      return Error{ErrorCode::permission_denied,
                   fmt::format("{}: its certificate is refused: {}", peer_, X509_verify_cert_error_string(verified))};
    }
    if (auto waited = wait_for_tls(result, "TLS handshake failed", deadline); !waited) return waited;
  }
  return {};
}

Result<void> Connection::wait(short events, Timestamp deadline) const {
  return wait_for(fd_.get(), events, deadline, stop_, peer_, "nothing came within the time allowed");
}

Result<void> Connection::wait_for_tls(int result, const char* what, Timestamp deadline) const {
  const int error = SSL_get_error(tls_.get(), result);
  if (error == SSL_ERROR_WANT_READ) return wait(POLLIN, deadline);
  if (error == SSL_ERROR_WANT_WRITE) return wait(POLLOUT, deadline);
  const unsigned long code = ERR_get_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  return Error{ErrorCode::protocol, fmt::format("{}: {}{}{}", peer_, what, reason ? ": " : "", reason ? reason : "")};
}

Result<size_t> Connection::read(std::span<std::byte> into, Timestamp deadline) {
  for (;;) {
    if (stop_ && stop_->raised()) return stopped();
    if (tls_) {
      ERR_clear_error();
      const int got = SSL_read(tls_.get(), into.data(), static_cast<int>(into.size()));
      if (got > 0) return static_cast<size_t>(got);
      if (SSL_get_error(tls_.get(), got) == SSL_ERROR_ZERO_RETURN) return size_t{0};
      if (auto waited = wait_for_tls(got, "the connection broke", deadline); !waited) return waited.error();
      continue;
    }
    const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), 0);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EAGAIN && errno != EINTR) return Error{ErrorCode::unavailable, system_error(peer_).message};
    if (auto waited = wait(POLLIN, deadline); !waited) return waited.error();
  }
}

Result<void> Connection::write(std::string_view text, Timestamp deadline) {
  while (!text.empty()) {
    ssize_t put = 0;
    if (tls_) {
      ERR_clear_error();
      const int written = SSL_write(tls_.get(), text.data(), static_cast<int>(text.size()));
      if (written <= 0) {
        if (auto waited = wait_for_tls(written, "the connection broke", deadline); !waited) return waited;
        continue;
      }
      put = written;
    } else {
      put = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (put < 0) {
        if (errno != EAGAIN && errno != EINTR) return Error{ErrorCode::unavailable, system_error(peer_).message};
        if (auto waited = wait(POLLOUT, deadline); !waited) return waited;
        continue;
      }
    }
    text.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

}  // namespace camweave::stream_driver
