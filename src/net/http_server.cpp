#include "net/http_server.h"

#include "net/http_connection.h"
#include "net/http_head.h"
#include "net/listener.h"

namespace camweave {

HttpExchange::HttpExchange(IoLoop& loop, std::shared_ptr<HttpConnection> connection,
                           std::shared_ptr<const Access> access, HttpRequest request)
    : loop_(loop), connection_(std::move(connection)), access_(std::move(access)), request_(std::move(request)) {}

// The connection may only be let go on its loop.
HttpExchange::~HttpExchange() {
  if (!answered_) respond(detail_response(500, "the request was let go without an answer"));
}

bool HttpExchange::is_gone() const { return !connection_ || connection_->is_gone(); }

void HttpExchange::respond(HttpResponse response) {
  if (answered_.exchange(true)) return;
  auto connection = std::exchange(connection_, nullptr);
  if (loop_.is_current_thread()) {
    connection->count_refusal(response.status);
    return connection->answer(std::move(response), request_, *access_);
  }
  // The exchange may end before the task runs.
  loop_.post(
      [connection = std::move(connection), access = access_, request = request_, response = std::move(response)] {
        connection->count_refusal(response.status);
        connection->answer(response, request, *access);
      });
}

std::string HttpExchange::stream_head(const HttpResponse& response) const {
  HttpResponse with_cors;
  with_cors.status = response.status;
  with_cors.headers = response.headers;
  access_->add_cors(request_, with_cors.headers);
  return write_response_head(with_cors, {.keep_alive = false, .has_length = false}, loop_.clock());
}

std::unique_ptr<Connection> HttpExchange::take_over() {
  if (answered_.exchange(true)) return nullptr;
  auto connection = std::exchange(connection_, nullptr);
  return connection->release();
}

struct HttpServer::State {
  State(IoLoops& its_loops, const Router& router, Access access, Log& log, HttpLimits limits)
      : loops(its_loops), service(std::make_shared<HttpService>(router, log, limits)) {
    MutexLock lock(service->mutex);
    service->access = std::make_shared<const Access>(std::move(access));
  }
  IoLoops& loops;
  const std::shared_ptr<HttpService> service;
  std::vector<std::unique_ptr<Listener>> listeners;
};

HttpServer::HttpServer(IoLoops& loops, const Router& router, Access access, Log& log, HttpLimits limits)
    : state_(std::make_shared<State>(loops, router, std::move(access), log, limits)) {}

HttpServer::~HttpServer() { stop_accepting(); }

Result<ListenAddress> HttpServer::listen(const ListenAddress& address) {
  ListenerOptions options;
  options.max_connections = state_->service->limits.max_connections;
  options.max_connections_per_address = state_->service->limits.max_connections_per_address;
  options.subject = "http";
  options.refusal =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 34\r\nConnection: "
      "close\r\n"
      "Retry-After: 5\r\n\r\n{\"detail\":\"too many connections\"}";
  options.refusal.replace(options.refusal.find("34"), 2,
                          std::to_string(options.refusal.size() - options.refusal.find('{')));
  auto listener = Listener::start(state_->loops, state_->service->log, address, std::move(options),
                                  [service = state_->service](std::unique_ptr<Connection> connection) {
                                    std::make_shared<HttpConnection>(service, std::move(connection))->begin();
                                  });
  if (!listener) return listener.error();
  state_->listeners.push_back(std::move(*listener));
  return state_->listeners.back()->address();
}

void HttpServer::stop_accepting() { state_->listeners.clear(); }

void HttpServer::set_access(Access access) {
  MutexLock lock(state_->service->mutex);
  state_->service->access = std::make_shared<const Access>(std::move(access));
}

}  // namespace camweave
