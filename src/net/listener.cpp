#include "net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <map>

#include "base/mutex.h"

namespace camweave {
namespace {

// Connections alive, in all and by address. Thread-safe: connections end on any loop.
class Admission : public std::enable_shared_from_this<Admission> {
 public:
  explicit Admission(const ListenerOptions& options)
      : max_all_(options.max_connections), max_per_address_(options.max_connections_per_address) {}

  // A place, kept until it is let go; null when there is none.
  std::shared_ptr<void> take(const IpAddress& peer) {
    MutexLock lock(mutex_);
    if (all_ >= max_all_) return nullptr;
    size_t& from_peer = by_address_[peer];
    if (from_peer >= max_per_address_) return nullptr;
    ++from_peer;
    ++all_;
    return std::shared_ptr<void>(this, [self = shared_from_this(), peer](void*) { self->give_back(peer); });
  }

 private:
  void give_back(const IpAddress& peer) {
    MutexLock lock(mutex_);
    --all_;
    const auto found = by_address_.find(peer);
    if (--found->second == 0) by_address_.erase(found);
  }

  const size_t max_all_;
  const size_t max_per_address_;
  Mutex mutex_;
  size_t all_ GUARDED_BY(mutex_) = 0;
  std::map<IpAddress, size_t> by_address_ GUARDED_BY(mutex_);
};

Error bind_error(const ListenAddress& address, int error_number) {
  const std::string what = "cannot listen on " + address.to_string() + ": ";
  switch (error_number) {
    case EADDRINUSE:
      return {ErrorCode::busy, what + "the port is in use; stop the program that has it, or configure another port"};
    case EACCES:
      return {
          ErrorCode::permission_denied,
          what + "no permission; choose a port from 1024 up, or give the right to lower ones (CAP_NET_BIND_SERVICE)"};
    case EADDRNOTAVAIL:
      return {ErrorCode::not_found, what + "this machine has no such address; 0.0.0.0 listens on all"};
    default:
      return system_error("cannot listen on " + address.to_string(), error_number);
  }
}

struct Bound {
  UniqueFd fd;
  ListenAddress address;
};

Result<Bound> bind_and_listen(const ListenAddress& address) {
  const bool is_v6 = !address.address.is_v4();
  UniqueFd fd(::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd && is_v6 && address.dual_stack && errno == EAFNOSUPPORT) {  // a kernel without IPv6
    return bind_and_listen({IpAddress(), address.port, false});
  }
  if (!fd) return bind_error(address, errno);
  const int on = 1, v6_only = address.dual_stack ? 0 : 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (is_v6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  sockaddr_storage where = address.address.to_socket_address(address.port);
  socklen_t length = is_v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), length) != 0) return bind_error(address, errno);
  if (::listen(fd.get(), SOMAXCONN) != 0) return bind_error(address, errno);
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&where), &length) != 0) return bind_error(address, errno);
  ListenAddress bound = address;
  // The port stands at the same place in both forms of address.
  bound.port = ntohs(reinterpret_cast<const sockaddr_in*>(&where)->sin_port);
  return Bound{std::move(fd), bound};
}

// A peer that vanished without a word is noticed after two minutes, also when nothing is sent.
void keep_alive(int fd) {
  const int on = 1, idle_s = 60, interval_s = 20, probes = 3;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

}  // namespace

// Lives on the first loop, by its pending wait; a pause for want of descriptors ends with the next sweep.
class Listener::Acceptor final : public std::enable_shared_from_this<Acceptor>, public ReadinessHandler {
 public:
  Acceptor(IoLoops& loops, Log& log, UniqueFd fd, ListenerOptions options, OnConnection on_connection)
      : loops_(loops),
        log_(log),
        options_(std::move(options)),
        on_connection_(std::make_shared<const OnConnection>(std::move(on_connection))),
        admission_(std::make_shared<Admission>(options_)),
        socket_(loops.at(0), std::move(fd), IpAddress()) {}

  IoLoop& loop() { return socket_.loop(); }
  void begin() { socket_.wait_readable(shared_from_this()); }
  void end() { socket_.close(); }

  void on_readable() override {
    for (int i = 0; i < most_at_once; ++i) {
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      UniqueFd fd(::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd) {
        admit(std::move(fd), IpAddress::from_socket_address(reinterpret_cast<const sockaddr&>(from)));
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        return pause();
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      }  // the rest says that this one connection failed before it was taken
    }
    begin();
  }

 private:
  static constexpr int most_at_once = 64;

  // Kept by the loop until its next sweep.
  class Pause final : public Swept {
   public:
    explicit Pause(Acceptor& acceptor) : Swept(acceptor.loop()), acceptor_(acceptor.shared_from_this()) {}
    void on_sweep(Timestamp) override {
      acceptor_->begin();
      acceptor_->loop().let_go(this);
    }

   private:
    const std::shared_ptr<Acceptor> acceptor_;
  };

  void admit(UniqueFd fd, const IpAddress& peer) {
    auto place = admission_->take(peer);
    if (!place) {
      loop().counters().add(NetCounter::connections_refused_limit);
      log_.limited(LogLevel::warning, options_.subject, "connections over the limit are refused");
      ::send(fd.get(), options_.refusal.data(), options_.refusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      return;
    }
    keep_alive(fd.get());
    IoLoop& chosen = loops_.at(next_loop_++ % loops_.size());
    chosen.counters().add(NetCounter::connections_accepted);
    // A task must be copyable; the descriptor is owned by the loop's task from here on.
    auto owned = std::make_shared<UniqueFd>(std::move(fd));
    auto connect = [&chosen, owned, peer, place = std::move(place), on_connection = on_connection_]() mutable {
      (*on_connection)(std::make_unique<Connection>(chosen, std::move(*owned), peer, std::move(place)));
    };
    if (&chosen == &loop()) {
      connect();
    } else {
      chosen.post(std::move(connect));
    }
  }

  void pause() {
    loop().counters().add(NetCounter::accept_paused_out_of_files);
    log_.limited(LogLevel::error, options_.subject,
                 "out of file descriptors: no new connections until some end; raise LimitNOFILE (ulimit -n)");
    loop().keep(std::make_shared<Pause>(*this));
  }

  IoLoops& loops_;
  Log& log_;
  const ListenerOptions options_;
  const std::shared_ptr<const OnConnection> on_connection_;
  const std::shared_ptr<Admission> admission_;
  Connection socket_;
  size_t next_loop_ = 0;
};

Listener::Listener(ListenAddress address, std::shared_ptr<Acceptor> acceptor)
    : address_(address), acceptor_(std::move(acceptor)) {}

Result<std::unique_ptr<Listener>> Listener::start(IoLoops& loops, Log& log, const ListenAddress& address,
                                                  ListenerOptions options, OnConnection on_connection) {
  auto bound = bind_and_listen(address);
  if (!bound) return bound.error();
  auto acceptor =
      std::make_shared<Acceptor>(loops, log, std::move(bound->fd), std::move(options), std::move(on_connection));
  acceptor->loop().post([acceptor] { acceptor->begin(); });
  return std::unique_ptr<Listener>(new Listener(bound->address, std::move(acceptor)));
}

Listener::~Listener() {
  acceptor_->loop().post([acceptor = acceptor_] { acceptor->end(); });
}

}  // namespace camweave
