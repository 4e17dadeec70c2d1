#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include "net/frame_sender.h"
#include "net/outbound/connector.h"
#include "net/outbound/streams.h"

namespace camweave {
namespace {

class PlainStream final : public OutboundStream,
                          public ReadinessHandler,
                          public std::enable_shared_from_this<PlainStream> {
 public:
  PlainStream(IoLoop& loop, OutboundOptions options, Owner& owner)
      : loop_(loop), options_(std::move(options)), owner_(&owner) {}

  void start() {
    connector_ = Connector::start(loop_, options_.host, options_.port, [weak = weak_from_this()](auto result) {
      if (const auto self = weak.lock()) self->take(std::move(result));
    });
  }

  bool idle() const override { return sender_ && sender_->idle(); }
  Timestamp last_progress() const override { return sender_ ? sender_->last_progress() : Timestamp{}; }

  void send_control(std::string_view bytes) override {
    if (sender_) follow(sender_->send_control(bytes));
  }

  bool start_frame(std::shared_ptr<const PacketBuffer> image) override {
    const auto progress = sender_->start_frame(std::move(image));
    follow(progress);
    return progress != FrameSender::Progress::not_started;
  }

  void close() override {
    owner_ = nullptr;
    if (connector_) connector_->cancel();
    if (connection_) connection_->close();
  }

  void on_readable() override {
    const auto keep = shared_from_this();
    constexpr int most_reads = 8;  // then others on the loop have their turn
    for (int i = 0; i < most_reads && owner_; ++i) {
      const auto scratch = loop_.scratch();
      const ptrdiff_t got = connection_->read(scratch);
      if (got == Connection::would_block) break;
      if (got == 0) return end({ErrorCode::unavailable, "the target closed the connection"});
      if (got < 0) return end(system_error("the connection to the target"));
      owner_->on_bytes(scratch.first(static_cast<size_t>(got)));
    }
    if (owner_) connection_->wait_readable(keep);
  }

  void on_writable() override {
    const auto keep = shared_from_this();
    if (!owner_) return;
    const auto progress = sender_->on_writable();
    follow(progress);
    if (owner_ && progress == FrameSender::Progress::done) owner_->on_idle();
  }

 private:
  void take(Result<std::unique_ptr<Connection>> result) {
    connector_.reset();
    if (!owner_) return;
    if (!result) return end(result.error());
    connection_ = std::move(*result);
    sender_.emplace(*connection_);
    connection_->wait_readable(shared_from_this());
    owner_->on_connected();
  }

  void follow(FrameSender::Progress progress) {
    switch (progress) {
      case FrameSender::Progress::done:
        return;
      case FrameSender::Progress::waiting:
      case FrameSender::Progress::not_started:
        return connection_->wait_writable(shared_from_this());
      case FrameSender::Progress::failed: {
        Error why = system_error("the connection to the target", errno ? errno : ECONNRESET);
        return loop_.post([self = shared_from_this(), why] { self->end(why); });
      }
    }
  }

  void end(Error why) {
    if (Owner* const owner = owner_) {
      close();
      owner->on_ended(std::move(why));
    }
  }

  IoLoop& loop_;
  const OutboundOptions options_;
  Owner* owner_;  // null once ended
  std::shared_ptr<Connector> connector_;
  std::unique_ptr<Connection> connection_;
  std::optional<FrameSender> sender_;
};

}  // namespace

std::shared_ptr<OutboundStream> connect_plain(IoLoop& loop, OutboundOptions options, OutboundStream::Owner& owner) {
  auto stream = std::make_shared<PlainStream>(loop, std::move(options), owner);
  stream->start();
  return stream;
}

std::shared_ptr<OutboundStream> OutboundStream::connect(IoLoop& loop, OutboundOptions options, Owner& owner) {
  return options.tls ? connect_tls(loop, std::move(options), owner) : connect_plain(loop, std::move(options), owner);
}

}  // namespace camweave
