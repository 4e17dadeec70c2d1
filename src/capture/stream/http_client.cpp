#include "capture/stream/http_client.h"

#include <fmt/format.h>

#include <optional>
#include <random>

#include "capture/stream/authorization.h"
#include "capture/stream/feed.h"

namespace camweave::stream_driver {
namespace {

constexpr int max_redirects = 3;

Timestamp deadline() { return std::chrono::steady_clock::now() + network_patience; }

bool has_tls(const Address& address) { return address.scheme == "https" || address.scheme == "wss+bundle"; }

std::string client_nonce() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

Result<HttpExchange> ask(const Address& address, const std::string& lines) {
  auto connection = connect_to(address);
  if (!connection) return connection.error();
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: camweave/" CAMWEAVE_VERSION "\r\nAccept: */*\r\n{}\r\n",
                  address.target, address.host_header(), lines);
  if (auto sent = connection->write(request, deadline()); !sent) return sent.error();
  std::vector<std::byte> bytes;
  for (;;) {
    std::byte chunk[4096];
    auto got = connection->read(chunk, deadline());
    if (!got) return got.error();
    if (*got == 0) return Error{ErrorCode::protocol, connection->peer() + ": hung up without an answer"};
    bytes.insert(bytes.end(), chunk, chunk + *got);
    auto end = find_end_of_fields(bytes);
    if (!end) return Error{end.error().code, connection->peer() + ": " + end.error().message};
    if (!*end) continue;
    auto head = parse_response_head({reinterpret_cast<const char*>(bytes.data()), **end});
    if (!head) return Error{head.error().code, connection->peer() + ": " + head.error().message};
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(**end));
    return HttpExchange{*std::move(connection), *std::move(head), std::move(bytes)};
  }
}

Error refused(const HttpExchange& exchange) {
  const int status = exchange.head.status;
  const ErrorCode code = status == 401 || status == 403 ? ErrorCode::permission_denied
                         : status == 404                ? ErrorCode::not_found
                         : status >= 500                ? ErrorCode::unavailable
                                                        : ErrorCode::protocol;
  const char* why = status == 401 ? " (wrong user name or password)" : "";
  return Error{code, fmt::format("{}: answers {} {}{}", exchange.connection.peer(), status, exchange.head.reason, why)};
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Result<Connection> connect_to(const Address& address) {
  const bool tls = has_tls(address);
  const std::string port = !address.port.empty()                                ? address.port
                           : address.scheme == "http"                           ? "80"
                           : address.scheme == "https"                          ? "443"
                           : address.scheme.find("bundle") != std::string::npos ? "8765"
                                                                                : "8001";
  return Connection::open(address.host, port, tls ? Transport::tls : Transport::plain, deadline(), nullptr);
}

Result<HttpExchange> http_get(Address address, const std::string& extra_lines, int wanted_status) {
  std::string login;
  for (int redirects = 0;;) {
    auto answered = ask(address, extra_lines + login);
    if (!answered || answered->head.status == wanted_status) return answered;
    const ResponseHead& head = answered->head;
    if (head.status == 401 && login.empty() && !address.user.empty()) {
      auto answer =
          answer_challenge(head.fields, {address.user, address.password, "GET", address.target, client_nonce()});
      if (!answer) return Error{answer.error().code, answered->connection.peer() + ": " + answer.error().message};
      login = "Authorization: " + *answer + "\r\n";
    } else if (is_redirect(head.status) && redirects++ < max_redirects) {
      auto next = resolve_location(address, find_field(head.fields, "location"));
      if (!next || (next->scheme != "http" && next->scheme != "https")) return refused(*answered);
      address = *std::move(next);
      login.clear();
    } else if (head.status == 401 && address.user.empty()) {
      return Error{ErrorCode::permission_denied,
                   answered->connection.peer() + ": wants a user name and password (http://user:password@host/…)"};
    } else {
      return refused(*answered);
    }
  }
}

}  // namespace camweave::stream_driver
