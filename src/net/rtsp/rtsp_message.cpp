#include "net/rtsp/rtsp_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace camweave::rtsp {
namespace {

constexpr std::string_view version = "RTSP/1.0";

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// Cuts the text before `separator` off; all of it where there is none.
std::string_view cut(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view piece = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return piece;
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

Error malformed(std::string_view what) { return Error{ErrorCode::protocol, fmt::format("RTSP: {}", what)}; }

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<Headers> parse_headers(std::string_view text, size_t most) {
  Headers headers;
  while (!text.empty()) {
    const std::string_view line = trimmed(cut(text, '\n'));
    if (line.empty()) continue;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return malformed("a header line without a name");
    if (headers.size() == most) return malformed("too many headers");
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (!is_printable(value)) return malformed("a control character in a header");
    headers.emplace_back(line.substr(0, colon), value);
  }
  return headers;
}

template <typename T>
std::optional<std::pair<T, T>> parse_range(std::string_view text) {
  const auto first = parse_number<T>(cut(text, '-'));
  if (!first) return std::nullopt;
  const auto second = text.empty() ? first : parse_number<T>(text);
  if (!second) return std::nullopt;
  return std::pair(*first, *second);
}

}  // namespace

std::string_view find_header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (equal_any_case(key, name)) return value;
  }
  return {};
}

void MessageReader::feed(std::span<const std::byte> bytes) {
  buffer_.erase(0, std::exchange(at_, 0));
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<MessageReader::Event> MessageReader::next() {
  // Empty lines between messages are harmless (section 4.1 of RFC 2616, which RTSP builds on).
  while (at_ < buffer_.size() && (buffer_[at_] == '\r' || buffer_[at_] == '\n')) ++at_;
  if (at_ == buffer_.size()) return Event{};
  return buffer_[at_] == '$' ? read_interleaved() : read_message();
}

Result<MessageReader::Event> MessageReader::read_interleaved() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  if (rest.size() < 4) return Event{};
  const size_t size = static_cast<size_t>(static_cast<unsigned char>(rest[2])) << 8 | static_cast<unsigned char>(rest[3]);
  if (rest.size() < 4 + size) return Event{};
  at_ += 4 + size;
  Event event;
  event.kind = Kind::interleaved;
  event.interleaved = {static_cast<uint8_t>(rest[1]), std::as_bytes(std::span(rest.data() + 4, size))};
  return event;
}

Result<MessageReader::Event> MessageReader::read_message() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  size_t head_size = rest.find("\r\n\r\n");
  size_t gap = 4;
  if (const size_t bare = rest.find("\n\n"); bare < head_size) {
    head_size = bare;
    gap = 2;
  }
  if (head_size == std::string_view::npos) {
    if (rest.size() > limits_.max_head_bytes) return malformed("a head over the limit");
    return Event{};
  }
  if (head_size > limits_.max_head_bytes) return malformed("a head over the limit");
  std::string_view head = rest.substr(0, head_size);
  std::string_view line = trimmed(cut(head, '\n'));
  auto headers = parse_headers(head, limits_.max_headers);
  if (!headers) return headers.error();

  size_t body_size = 0;
  if (const auto length = find_header(*headers, "Content-Length"); !length.empty()) {
    const auto number = parse_number<size_t>(length);
    if (!number || *number > limits_.max_body_bytes) return malformed("a bad Content-Length");
    body_size = *number;
  }
  if (rest.size() < head_size + gap + body_size) return Event{};
  std::string body(rest.substr(head_size + gap, body_size));

  Event event;
  const std::string_view first = cut(line, ' '), second = cut(line, ' ');
  if (first == version) {
    const auto status = parse_number<int>(second);
    if (!status || *status < 100 || *status > 999) return malformed("a bad status line");
    event.kind = Kind::response;
    event.response = {*status, std::move(*headers), std::move(body)};
  } else {
    if (!is_token(first) || second.empty() || !is_printable(second) || trimmed(line) != version) {
      return malformed("a bad request line");
    }
    event.kind = Kind::request;
    event.request = {std::string(first), std::string(second), std::move(*headers), std::move(body)};
  }
  at_ += head_size + gap + body_size;
  return event;
}

namespace {

std::string serialize_rest(const Headers& headers, const std::string& body) {
  std::string out;
  for (const auto& [name, value] : headers) {
    std::string clean = value;
    std::erase_if(clean, [](char c) { return c == '\r' || c == '\n'; });
    out += fmt::format("{}: {}\r\n", name, clean);
  }
  if (!body.empty()) out += fmt::format("Content-Length: {}\r\n", body.size());
  return out + "\r\n" + body;
}

}  // namespace

std::string serialize(const Request& request) {
  return fmt::format("{} {} {}\r\n", request.method, request.url, version) + serialize_rest(request.headers, request.body);
}

std::string serialize(const Response& response) {
  return fmt::format("{} {} {}\r\n", version, response.status, reason(response.status)) +
         serialize_rest(response.headers, response.body);
}

const char* reason(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 413: return "Request Entity Too Large";
    case 451: return "Parameter Not Understood";
    case 454: return "Session Not Found";
    case 455: return "Method Not Valid in This State";
    case 457: return "Invalid Range";
    case 459: return "Aggregate Operation Not Allowed";
    case 461: return "Unsupported Transport";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "RTSP Version Not Supported";
    case 551: return "Option not supported";
    default: return "Unknown";
  }
}

namespace {

Result<Transport> parse_one_transport(std::string_view text) {
  Transport transport;
  const std::string_view protocol = trimmed(cut(text, ';'));
  if (equal_any_case(protocol, "RTP/AVP/TCP")) {
    transport.tcp = true;
  } else if (!equal_any_case(protocol, "RTP/AVP") && !equal_any_case(protocol, "RTP/AVP/UDP")) {
    return Error{ErrorCode::unsupported, fmt::format("RTSP: transport '{}' is not known", protocol)};
  }
  while (!text.empty()) {
    std::string_view value = trimmed(cut(text, ';'));
    const std::string_view name = cut(value, '=');
    if (equal_any_case(name, "multicast")) {
      transport.multicast = true;
    } else if (equal_any_case(name, "interleaved")) {
      transport.interleaved = parse_range<uint8_t>(value);
      if (!transport.interleaved) return malformed("a bad interleaved channel");
    } else if (equal_any_case(name, "client_port")) {
      transport.client_port = parse_range<uint16_t>(value);
      if (!transport.client_port) return malformed("a bad client_port");
    } else if (equal_any_case(name, "server_port")) {
      transport.server_port = parse_range<uint16_t>(value);
    } else if (equal_any_case(name, "destination")) {
      transport.destination = value;
    } else if (equal_any_case(name, "mode")) {
      transport.record = value.find("record") != std::string_view::npos || value.find("RECORD") != std::string_view::npos;
    }
  }
  return transport;
}

}  // namespace

Result<std::vector<Transport>> parse_transport(std::string_view header) {
  constexpr size_t most = 8;
  std::vector<Transport> transports;
  std::optional<Error> first_error;
  while (!header.empty() && transports.size() < most) {
    auto transport = parse_one_transport(cut(header, ','));
    if (transport) {
      transports.push_back(std::move(*transport));
    } else if (!first_error) {
      first_error = transport.error();
    }
  }
  if (transports.empty()) return first_error.value_or(malformed("no Transport"));
  return transports;
}

std::string serialize(const Transport& transport) {
  std::string text = transport.tcp ? "RTP/AVP/TCP" : "RTP/AVP";
  text += transport.multicast ? ";multicast" : ";unicast";
  if (transport.interleaved) text += fmt::format(";interleaved={}-{}", transport.interleaved->first, transport.interleaved->second);
  if (transport.client_port) text += fmt::format(";client_port={}-{}", transport.client_port->first, transport.client_port->second);
  if (transport.server_port) text += fmt::format(";server_port={}-{}", transport.server_port->first, transport.server_port->second);
  if (transport.record) text += ";mode=record";
  return text;
}

}  // namespace camweave::rtsp
