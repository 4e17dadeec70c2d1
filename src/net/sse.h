// EventStream: one Server-Sent-Events client (text/event-stream). send() is thread-safe and never blocks: a client that
// doesn't read what it asked for is cut off once max_queued_bytes wait (it reconnects and starts with whole states).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/http_server.h"

namespace camweave {

class EventStream {
 public:
  static constexpr size_t max_queued_bytes = 256 * 1024;
  static constexpr std::chrono::seconds keep_alive{15};

  // On the exchange's loop. HEAD gets the head alone; null then, and when the client has gone. The stream lives while
  // its connection does, also without this reference.
  static std::shared_ptr<EventStream> start(const std::shared_ptr<HttpExchange>& exchange);

  virtual ~EventStream() = default;
  // False once the client has gone: then let go of it.
  virtual bool send(std::string_view event, std::string_view data) = 0;
  virtual bool is_open() const = 0;
};

}  // namespace camweave
