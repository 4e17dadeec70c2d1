// HttpServer: accepts connections, spreads them over the loops (each stays on its own), parses requests with Beast,
// checks access, calls the router's handlers, and writes answers. Everything that a peer can do to it is bounded:
// sizes, times, connections. HTTP/1.1 with keep-alive; pipelined requests are answered one after another.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "net/access.h"
#include "net/connection.h"
#include "net/http_message.h"
#include "net/io_loop.h"
#include "net/router.h"

namespace camweave {

struct HttpLimits {
  size_t max_head_bytes = 16 * 1024;
  size_t max_target_bytes = 8 * 1024;
  std::chrono::seconds head_deadline{10};  // for a whole request head, from its first byte
  std::chrono::seconds body_deadline{30};
  std::chrono::seconds idle_deadline{30};  // before the first byte, and between requests
  size_t max_connections = 20'000;         // for each listener
  size_t max_connections_per_address = 20'000;
};

class HttpConnection;

// One request and its answer. respond() is thread-safe, the rest thread-bound to the loop. An exchange that is let go
// without an answer answers 500. A client that has gone meanwhile: answers go nowhere, is_gone() tells.
class HttpExchange {
 public:
  HttpExchange(IoLoop& loop, std::shared_ptr<HttpConnection> connection, std::shared_ptr<const Access> access,
               HttpRequest request);
  ~HttpExchange();

  const HttpRequest& request() const { return request_; }
  IoLoop& loop() const { return loop_; }
  bool is_gone() const;

  // Once; later calls are ignored.
  void respond(HttpResponse response);

  // For streams: the head of an answer as it goes on the wire (with CORS, Date and Server; without a length; with
  // "Connection: close" unless status is 101), …
  std::string stream_head(const HttpResponse& response) const;
  // … and the socket. HTTP lets go of it: parser and buffers are freed. Null when the client has gone. Not after
  // respond().
  std::unique_ptr<Connection> take_over();

 private:
  IoLoop& loop_;
  std::shared_ptr<HttpConnection> connection_;
  const std::shared_ptr<const Access> access_;
  const HttpRequest request_;
  std::atomic<bool> answered_{false};
};

class HttpServer {
 public:
  // All borrowed ones must outlive the loops.
  HttpServer(IoLoops& loops, const Router& router, Access access, Log& log, HttpLimits limits = {});
  ~HttpServer();  // stops accepting; open connections live on in the loops

  // Binds and accepts; may be called for several addresses. Answers the bound address (a port of 0 filled in). Fails
  // with one line that names the address and the cure. From the thread that owns the server.
  Result<ListenAddress> listen(const ListenAddress& address);
  void stop_accepting();

  // From now on; thread-safe.
  void set_access(Access access);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace camweave
