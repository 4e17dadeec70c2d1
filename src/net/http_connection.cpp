#include "net/http_connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/http_head.h"

namespace camweave {

namespace http = boost::beast::http;

namespace {

constexpr std::chrono::seconds linger_deadline{2};
constexpr std::chrono::seconds answer_stall{10};
constexpr size_t max_lingered_bytes = size_t{4} << 20;

void copy_fields(const http::fields& from, HttpFields& into) {
  for (const auto& field : from) into.emplace_back(std::string(field.name_string()), std::string(field.value()));
}

// Whether a method can begin with it (RFC 9110's token): what can't is no HTTP at all (TLS, say) and is told so at
// once.
bool begins_a_method(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

}  // namespace

struct HttpConnection::Reading {
  http::request_parser<http::string_body> parser;
  HttpRequest request;
  std::shared_ptr<const Access> access;
  Router::Match match;
};

HttpConnection::HttpConnection(std::shared_ptr<HttpService> service, std::unique_ptr<Connection> connection)
    : Swept(connection->loop()),
      service_(std::move(service)),
      connection_(std::move(connection)),
      deadline_(connection_->loop().now() + service_->limits.idle_deadline) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::begin() { connection_->wait_readable(shared_from_this()); }

void HttpConnection::on_readable() {
  const std::span<std::byte> scratch = connection_->loop().scratch();
  const ptrdiff_t got = connection_->read(scratch);
  if (got == Connection::would_block) return begin();
  if (got <= 0) return end();
  if (phase_ == Phase::lingering) {
    lingered_bytes_ += static_cast<size_t>(got);
    return lingered_bytes_ > max_lingered_bytes ? end() : begin();
  }
  input_.append(reinterpret_cast<const char*>(scratch.data()), static_cast<size_t>(got));
  advance();
}

// Parses and answers until there is nothing more to parse or somebody has to wait. Answers that handlers give at once
// come back here through finish_answer(), hence the flag: no recursion, however many requests are piped in.
void HttpConnection::advance() {
  if (advancing_) return;
  advancing_ = true;
  const auto self = shared_from_this();
  while (parse_some()) {
  }
  advancing_ = false;
  const bool wants_input = phase_ == Phase::idle || phase_ == Phase::head || phase_ == Phase::body;
  if (wants_input && connection_) {
    if (input_.empty()) input_ = std::string();  // idle connections keep no buffer
    begin();
  }
}

// One step; false when input is missing or the connection is busy.
bool HttpConnection::parse_some() {
  switch (phase_) {
    case Phase::idle:
      if (input_.empty()) return false;
      phase_ = Phase::head;
      deadline_ = connection_->loop().now() + service_->limits.head_deadline;
      reading_ = std::make_unique<Reading>();
      reading_->access = service_->current_access();
      reading_->parser.header_limit(static_cast<uint32_t>(service_->limits.max_head_bytes));
      reading_->parser.body_limit(boost::none);  // by route, once the head is known
      return true;
    case Phase::head:
      return read_head();
    case Phase::body:
      return read_body();
    case Phase::handling:
    case Phase::answering:
    case Phase::lingering:
    case Phase::ended:
      return false;
  }
  return false;
}

bool HttpConnection::read_head() {
  boost::system::error_code error;
  auto& parser = reading_->parser;
  // Empty lines before a request are allowed (RFC 9112 section 2.2), but Beast takes them for an error.
  const size_t begin = std::min(input_.find_first_not_of("\r\n"), input_.size());
  input_.erase(0, begin);
  if (input_.empty()) return false;
  if (!begins_a_method(input_.front())) {
    refuse(400, "this is not HTTP", NetCounter::requests_refused_malformed);
    return true;
  }
  const size_t line = std::min(input_.find('\n'), input_.size());
  if (line > service_->limits.max_target_bytes + 64) {
    refuse(414, "the URL is too long", NetCounter::requests_refused_too_large);
    return true;
  }
  input_.erase(0, parser.put(boost::asio::buffer(input_), error));
  if (error == http::error::need_more) {
    if (input_.size() <= service_->limits.max_head_bytes) return false;
    error = http::error::header_limit;
  }
  if (error == http::error::header_limit) {
    refuse(431, "the request's head is too large", NetCounter::requests_refused_too_large);
  } else if (error) {
    refuse(400, "a malformed request: " + error.message(), NetCounter::requests_refused_malformed);
  } else if (parser.is_header_done()) {
    accept_head();
  } else {
    return false;
  }
  return true;
}

bool HttpConnection::read_body() {
  boost::system::error_code error;
  auto& parser = reading_->parser;
  const size_t before = input_.size();
  if (!parser.is_done() && !input_.empty()) input_.erase(0, parser.put(boost::asio::buffer(input_), error));
  const bool is_stuck =
      input_.size() == before && before > service_->limits.max_head_bytes;  // an endless chunk extension
  if (is_stuck || (error && error != http::error::need_more)) {
    refuse(400, "a malformed request body", NetCounter::requests_refused_malformed);
    return true;
  }
  if (!check_body_size(parser.get().body().size())) return true;
  if (parser.is_done()) {
    dispatch();
    return true;
  }
  return input_.size() < before && !input_.empty();
}

// Decides by the head alone, before any body is read.
void HttpConnection::accept_head() {
  connection_->loop().counters().add(NetCounter::requests);
  const auto& message = reading_->parser.get();
  HttpRequest& request = reading_->request;
  keep_alive_ = reading_->parser.keep_alive();
  request.peer = connection_->peer();
  copy_fields(message.base(), request.headers);
  const std::string target(message.target());
  if (target.size() > service_->limits.max_target_bytes) {
    return refuse(414, "the URL is too long", NetCounter::requests_refused_too_large);
  }
  const auto method =
      parse_http_method(std::string_view(message.method_string().data(), message.method_string().size()));
  if (!method) return refuse(501, "the method is unknown", NetCounter::requests_refused_unknown);
  request.method = *method;
  if (message.version() >= 11 && message.count(http::field::host) != 1) {
    return refuse(400, "one Host header is needed", NetCounter::requests_refused_malformed);
  }
  if (*method == HttpMethod::options && target == "*") request.path = "*";
  if (request.path.empty()) {
    if (auto parsed = parse_request_target(target, request); !parsed) {
      return refuse(400, parsed.error().message, NetCounter::requests_refused_malformed);
    }
  }
  request.is_websocket = asks_for_websocket(request);
  reading_->match = service_->router.find(request);
  const auto& match = reading_->match;
  if (auto refused = reading_->access->refusal(request, match.options)) return refuse_with(std::move(*refused));
  if (*method == HttpMethod::options && !match.handler) {
    return refuse_with(reading_->access->preflight(request, service_->router.allowed_methods(request)));
  }
  if (!match.handler) return refuse_with(match.refusal);
  phase_ = Phase::body;
  deadline_ = connection_->loop().now() + service_->limits.body_deadline;
  const auto length = reading_->parser.content_length();
  if (length && !check_body_size(static_cast<size_t>(*length))) return;
  if (has_list_token(request.header("Expect"), "100-continue") && message.version() >= 11 && input_.empty()) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    ::send(connection_->fd(), go_on.data(), go_on.size(), MSG_NOSIGNAL);
  }
}

bool HttpConnection::check_body_size(size_t body_bytes) {
  const size_t limit = reading_->match.options.max_body_bytes;
  if (body_bytes <= limit) return true;
  refuse(413, "the body is over " + std::to_string(limit) + " bytes", NetCounter::requests_refused_too_large);
  return false;
}

void HttpConnection::dispatch() {
  phase_ = Phase::handling;
  const auto reading = std::move(reading_);
  reading->request.body = std::move(reading->parser.get().body());
  const auto exchange = std::make_shared<HttpExchange>(connection_->loop(), shared_from_this(), reading->access,
                                                       std::move(reading->request));
  const HttpHandler& handler = *reading->match.handler;
  try {
    handler(exchange);
  } catch (const std::exception& thrown) {  // a handler's mistake ends one request, not the server
    service_->log.limited(LogLevel::error, "http", fmt::format("a handler failed: {}", thrown.what()));
    exchange->respond(detail_response(500, "internal error"));
  }
}

void HttpConnection::refuse(int status, std::string_view detail, NetCounter counter) {
  connection_->loop().counters().add(counter);
  keep_alive_ = false;  // where the next request begins is not known
  auto response = detail_response(status, detail);
  phase_ = Phase::answering;
  const auto reading = std::move(reading_);
  answer(std::move(response), reading->request, *reading->access);
}

void HttpConnection::refuse_with(HttpResponse response) {
  count_refusal(response.status);
  const auto reading = std::move(reading_);
  const auto length = reading->parser.content_length();
  // A body that we don't want would be read as the next request.
  if ((length && *length > 0) || reading->parser.chunked() || reading->request.is_websocket) keep_alive_ = false;
  phase_ = Phase::answering;
  answer(std::move(response), reading->request, *reading->access);
}

void HttpConnection::count_refusal(int status) {
  NetCounters& counters = connection_->loop().counters();
  if (status == 401 || status == 403) counters.add(NetCounter::requests_refused_access);
  if (status == 404 || status == 405 || status == 426) counters.add(NetCounter::requests_refused_unknown);
}

void HttpConnection::answer(HttpResponse response, const HttpRequest& request, const Access& access) {
  if (is_gone()) return;
  const bool is_head_request = request.method == HttpMethod::head;
  access.add_cors(request, response.headers);
  const HeadKind kind{.keep_alive = keep_alive_,
                      .has_length = response.has_length && response.status != 204 && response.status != 304};
  send(response, write_response_head(response, kind, connection_->loop().clock()), is_head_request);
}

void HttpConnection::send(const HttpResponse& response, std::string head, bool is_head_request) {
  phase_ = Phase::answering;
  deadline_ = connection_->loop().now() + answer_stall;
  output_ = std::move(head);
  const bool has_body = !is_head_request && response.status != 204 && response.status != 304;
  if (has_body && response.shared_body.empty()) output_ += response.body;
  if (has_body) {
    output_body_ = response.shared_body;
    output_keeps_ = response.keeps;
  }
  flush();
}

void HttpConnection::flush() {
  while (!output_.empty() || !output_body_.empty()) {
    std::array<iovec, 2> pieces{iovec{output_.data(), output_.size()},
                                iovec{const_cast<std::byte*>(output_body_.data()), output_body_.size()}};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t sent = ::sendmsg(connection_->fd(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return connection_->wait_writable(shared_from_this());
    if (sent <= 0) return end();
    deadline_ = connection_->loop().now() + answer_stall;
    const size_t of_head = std::min(static_cast<size_t>(sent), output_.size());
    output_.erase(0, of_head);
    output_body_ = output_body_.subspan(static_cast<size_t>(sent) - of_head);
  }
  finish_answer();
}

void HttpConnection::finish_answer() {
  output_ = std::string();
  output_keeps_.reset();
  if (!keep_alive_) return linger();
  phase_ = Phase::idle;
  deadline_ = connection_->loop().now() + service_->limits.idle_deadline;
  advance();
}

void HttpConnection::linger() {
  phase_ = Phase::lingering;
  deadline_ = connection_->loop().now() + linger_deadline;
  input_ = std::string();
  ::shutdown(connection_->fd(), SHUT_WR);
  begin();
}

void HttpConnection::on_writable() {
  if (phase_ == Phase::answering) flush();
}

void HttpConnection::on_sweep(Timestamp now) {
  if (is_gone() || phase_ == Phase::handling || now < deadline_) return;
  const auto self = weak_from_this().lock();  // ending lets go of the wait that keeps it
  NetCounters& counters = connection_->loop().counters();
  switch (phase_) {
    case Phase::head:
    case Phase::body:
      return refuse(408, "the request did not come in time", NetCounter::requests_timed_out);
    case Phase::idle:
      counters.add(NetCounter::idle_connections_closed);
      break;
    case Phase::answering:
      counters.add(NetCounter::slow_clients_cut);
      break;
    case Phase::handling:
    case Phase::lingering:
    case Phase::ended:
      break;
  }
  end();
}

std::unique_ptr<Connection> HttpConnection::release() {
  if (is_gone() || phase_ != Phase::handling) return nullptr;
  phase_ = Phase::ended;
  connection_->put_back(std::exchange(input_, {}));
  return std::move(connection_);
}

void HttpConnection::end() {
  phase_ = Phase::ended;
  if (connection_) connection_->close();
}

}  // namespace camweave
