// Listener: accepts TCP connections on one address and spreads them over the loops, where each stays for life. Bounded
// in connections, in all and for each peer address; out of file descriptors it pauses and says so.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "net/connection.h"
#include "net/io_loop.h"
#include "net/ip_address.h"

namespace camweave {

struct ListenerOptions {
  size_t max_connections = 20'000;
  size_t max_connections_per_address = 20'000;
  std::string subject;  // for the log: "http"
  std::string refusal;  // sent to a connection that is over the limits; may be empty
};

class Listener {
 public:
  // Called on the connection's own loop.
  using OnConnection = std::function<void(std::unique_ptr<Connection>)>;

  // Binds, and accepts from now on. The error is one line that names the address and the cure. `loops` and `log` must
  // outlive the loops' threads.
  static Result<std::unique_ptr<Listener>> start(IoLoops& loops, Log& log, const ListenAddress& address,
                                                 ListenerOptions options, OnConnection on_connection);
  ~Listener();  // accepts no more; connections live on

  const ListenAddress& address() const { return address_; }  // the bound one, its port filled in

 private:
  class Acceptor;
  Listener(ListenAddress address, std::shared_ptr<Acceptor> acceptor);

  const ListenAddress address_;
  const std::shared_ptr<Acceptor> acceptor_;
};

}  // namespace camweave
