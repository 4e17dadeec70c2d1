// HttpConnection: one connection while it speaks HTTP: reads requests one after another, hands each to the server's
// router as an HttpExchange, writes the answer. Private to net/. Thread-bound to its loop, except where said.
//
// It lives by the wait that it has pending, or by the exchange that is being answered.
#pragma once

#include <memory>
#include <string>

#include "net/http_server.h"

namespace camweave {

// What all connections of a server share. Thread-safe.
struct HttpService {
  const Router& router;
  Log& log;
  const HttpLimits limits;
  Mutex mutex;
  std::shared_ptr<const Access> access GUARDED_BY(mutex);

  std::shared_ptr<const Access> current_access() {
    MutexLock lock(mutex);
    return access;
  }
};

class HttpConnection final : public std::enable_shared_from_this<HttpConnection>,
                             public ReadinessHandler,
                             private Swept {
 public:
  HttpConnection(std::shared_ptr<HttpService> service, std::unique_ptr<Connection> connection);
  ~HttpConnection();

  void begin();

  // From the exchange, on the loop.
  void answer(HttpResponse response, const HttpRequest& request, const Access& access);
  void count_refusal(int status);
  std::unique_ptr<Connection> release();
  bool is_gone() const { return !connection_ || !connection_->is_open(); }

  void on_readable() override;
  void on_writable() override;

 private:
  void on_sweep(Timestamp now) override;

  enum class Phase {
    idle,       // between requests
    head,       // part of a head is there
    body,       // the head was accepted, the body comes
    handling,   // an exchange has the request
    answering,  // the answer is on its way
    lingering,  // answered for the last time; what the peer still sends is read away, so that it sees the answer
    ended,
  };
  struct Reading;  // Beast's parser and what it has made of the request so far

  void advance();
  bool parse_some();
  bool read_head();
  bool read_body();
  void accept_head();
  bool check_body_size(size_t body_bytes);
  void dispatch();
  void refuse(int status, std::string_view detail, NetCounter counter);
  void refuse_with(HttpResponse response);
  void send(const HttpResponse& response, std::string head, bool is_head_request);
  void flush();
  void finish_answer();
  void linger();
  void end();

  const std::shared_ptr<HttpService> service_;
  std::unique_ptr<Connection> connection_;  // null once a stream has it
  Phase phase_ = Phase::idle;
  Timestamp deadline_;
  bool advancing_ = false;
  bool keep_alive_ = false;
  std::string input_;  // read, not yet parsed
  std::unique_ptr<Reading> reading_;
  // The answer.
  std::string output_;
  std::span<const std::byte> output_body_;
  std::shared_ptr<const void> output_keeps_;
  size_t lingered_bytes_ = 0;
};

}  // namespace camweave
