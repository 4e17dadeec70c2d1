#include "net/sse.h"

#include <sys/socket.h>

#include <atomic>
#include <cerrno>

namespace camweave {
namespace {

// One event as text/event-stream has it: every line of the data with its own field.
std::string format_event(std::string_view event, std::string_view data) {
  std::string text;
  text.reserve(event.size() + data.size() + 24);
  if (!event.empty()) text.append("event: ").append(event).append("\n");
  do {
    const size_t end = std::min(data.find('\n'), data.size());
    text.append("data: ").append(data.substr(0, end)).append("\n");
    data.remove_prefix(std::min(end + 1, data.size()));
  } while (!data.empty());
  return text += "\n";
}

// Lives on its loop by its pending read; senders hold it weakly through Handle.
class Session final : public std::enable_shared_from_this<Session>, public ReadinessHandler, private Swept {
 public:
  explicit Session(std::unique_ptr<Connection> connection)
      : Swept(connection->loop()), connection_(std::move(connection)), last_progress_(connection_->loop().now()) {}

  IoLoop& loop() { return connection_->loop(); }
  bool is_open() const { return is_open_; }
  size_t queued_bytes() const { return queued_bytes_; }

  void begin(std::string head) {
    connection_->wait_readable(shared_from_this());
    queued_bytes_ += head.size();
    append(std::move(head));
  }
  // Thread-safe; false when too much waits.
  bool reserve(size_t bytes) { return queued_bytes_.fetch_add(bytes) + bytes <= EventStream::max_queued_bytes; }
  void append(std::string text) {
    if (!is_open_) return;
    const bool was_empty = output_.empty();
    if (was_empty) last_progress_ = loop().now();
    output_ += text;
    if (was_empty) flush();
  }
  void overflow() {
    if (!is_open_) return;
    loop().counters().add(NetCounter::sse_overflows);
    end();
  }

  void on_readable() override {
    const ptrdiff_t got = connection_->read(loop().scratch());  // a client has nothing to say here
    if (got == 0 || got == Connection::failed) return end();
    connection_->wait_readable(shared_from_this());
  }
  void on_writable() override { flush(); }

 private:
  void on_sweep(Timestamp now) override {
    if (!is_open_) return;
    if (!output_.empty() && now - last_progress_ > stall) {
      loop().counters().add(NetCounter::slow_clients_cut);
      return end();
    }
    if (!output_.empty() || now - last_progress_ < EventStream::keep_alive) return;
    const std::string comment = ": still here\n\n";
    queued_bytes_ += comment.size();
    append(comment);
  }

  void flush() {
    while (!output_.empty()) {
      const ssize_t sent = ::send(connection_->fd(), output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return connection_->wait_writable(shared_from_this());
      if (sent <= 0) return end();
      output_.erase(0, static_cast<size_t>(sent));
      queued_bytes_ -= static_cast<size_t>(sent);
      last_progress_ = loop().now();
    }
  }
  void end() {
    is_open_ = false;
    connection_->close();
  }

  static constexpr std::chrono::seconds stall{10};

  const std::unique_ptr<Connection> connection_;
  std::string output_;
  Timestamp last_progress_;
  std::atomic<bool> is_open_{true};
  std::atomic<size_t> queued_bytes_{0};  // also of events on their way to the loop
};

class Handle final : public EventStream {
 public:
  Handle(IoLoop& loop, std::weak_ptr<Session> session) : loop_(loop), session_(std::move(session)) {}

  bool send(std::string_view event, std::string_view data) override {
    // Only looked at here: the reference goes back to the loop inside the task, where the session may end.
    auto session = session_.lock();
    if (!session) return false;
    const bool is_open = session->is_open();
    std::string text = is_open ? format_event(event, data) : std::string();
    const bool has_room = is_open && session->reserve(text.size());
    loop_.post([session = std::move(session), text = std::move(text), has_room]() mutable {
      if (has_room) {
        session->append(std::move(text));
      } else {
        session->overflow();
      }
    });
    return is_open && has_room;
  }
  bool is_open() const override { return !session_.expired(); }

 private:
  IoLoop& loop_;
  const std::weak_ptr<Session> session_;
};

}  // namespace

std::shared_ptr<EventStream> EventStream::start(const std::shared_ptr<HttpExchange>& exchange) {
  HttpResponse response;
  response.with("Content-Type", "text/event-stream").with("Cache-Control", "no-store").with("X-Accel-Buffering", "no");
  if (exchange->request().method == HttpMethod::head) {
    response.has_length = false;
    exchange->respond(std::move(response));
    return nullptr;
  }
  std::string head = exchange->stream_head(response);
  auto connection = exchange->take_over();
  if (!connection) return nullptr;
  IoLoop& loop = connection->loop();
  const auto session = std::make_shared<Session>(std::move(connection));
  session->begin(std::move(head));
  return std::make_shared<Handle>(loop, session);
}

}  // namespace camweave
