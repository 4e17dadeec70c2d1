// RTSP 1.0 requests and responses (RFC 2326 section 6 and 7), and the `$` frames between them (section 10.12). Pure; fuzzed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace camweave::rtsp {

using Headers = std::vector<std::pair<std::string, std::string>>;

// By name in any case; empty when absent.
std::string_view find_header(const Headers& headers, std::string_view name);

struct Request {
  std::string method;  // as sent; methods are case-sensitive
  std::string url;
  Headers headers;
  std::string body;
  std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

// A client's RTCP (or anything else) that came between requests on the same connection.
struct Interleaved {
  uint8_t channel = 0;
  std::span<const std::byte> payload;  // valid until the reader is fed again
};

struct MessageLimits {
  size_t max_head_bytes = 16 * 1024;
  size_t max_body_bytes = 64 * 1024;
  size_t max_headers = 64;
};

// Takes messages off a byte stream, in reads of any size. An error is final: the connection ends.
class MessageReader {
 public:
  explicit MessageReader(MessageLimits limits = {}) : limits_(limits) {}

  void feed(std::span<const std::byte> bytes);

  enum class Kind { need_more, request, response, interleaved };
  struct Event {
    Kind kind = Kind::need_more;
    Request request;
    Response response;
    Interleaved interleaved;
  };
  Result<Event> next();

 private:
  Result<Event> read_interleaved();
  Result<Event> read_message();

  const MessageLimits limits_;
  std::string buffer_;
  size_t at_ = 0;  // what is before was consumed
};

// As they go on the wire. Content-Length is added where there is a body. Header values lose CR and LF.
std::string serialize(const Request& request);
std::string serialize(const Response& response);
const char* reason(int status);

// A Transport header of SETUP (section 12.39): the alternatives in the client's order.
struct Transport {
  bool tcp = false;                // RTP/AVP/TCP
  bool multicast = false;
  bool record = false;             // mode=record
  std::optional<std::pair<uint8_t, uint8_t>> interleaved;
  std::optional<std::pair<uint16_t, uint16_t>> client_port;
  std::optional<std::pair<uint16_t, uint16_t>> server_port;
  std::string destination;
};
Result<std::vector<Transport>> parse_transport(std::string_view header);
std::string serialize(const Transport& transport);

}  // namespace camweave::rtsp
