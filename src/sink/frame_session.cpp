#include "sink/frame_session.h"

#include <sys/socket.h>

#include <utility>

namespace camweave {

void FrameSessionRef::switch_to(std::shared_ptr<Stream> stream) const {
  if (!loop_ || session_.expired()) return;
  loop_->post([session = session_, stream = std::move(stream)] {
    if (const auto alive = session.lock()) alive->switch_on_loop(stream);
  });
}

FrameSession::FrameSession(std::unique_ptr<Connection> connection, std::unique_ptr<FrameProtocol> protocol,
                           std::shared_ptr<Stream> stream, Options options)
    : Swept(connection->loop()),
      connection_(std::move(connection)),
      protocol_(std::move(protocol)),
      options_(std::move(options)),
      sender_(*connection_),
      cursor_(std::move(stream)),
      started_(loop().now()) {}

FrameSession::~FrameSession() {
  if (options_.on_end) options_.on_end();
}

FrameSessionRef FrameSession::start(std::unique_ptr<Connection> connection, std::unique_ptr<FrameProtocol> protocol,
                                    std::shared_ptr<Stream> stream, std::string_view head, Options options) {
  const std::shared_ptr<FrameSession> session(
      new FrameSession(std::move(connection), std::move(protocol), std::move(stream), std::move(options)));
  session->begin(head);
  return FrameSessionRef(session->loop(), session);
}

void FrameSession::begin(std::string_view head) {
  subscription_ = loop().dispatcher().subscribe(cursor_.stream_ptr(), *this);
  connection_->wait_readable(shared_from_this());
  follow(sender_.send_control(head));
  const std::string early = connection_->take_put_back();
  if (!take_input(std::as_bytes(std::span(early)))) return end();
  pump();
}

void FrameSession::on_readable() {
  const std::span<std::byte> scratch = loop().scratch();
  const ptrdiff_t got = connection_->read(scratch);
  if (got == 0 || got == Connection::failed) return end();
  if (got > 0 && !take_input(scratch.first(static_cast<size_t>(got)))) return end();
  connection_->wait_readable(shared_from_this());
}

bool FrameSession::take_input(std::span<const std::byte> bytes) {
  return bytes.empty() || phase_ != Phase::streaming || protocol_->on_input(bytes, *this);
}

void FrameSession::on_writable() {
  socket_is_full_ = false;
  if (phase_ == Phase::ended) return;
  follow(sender_.on_writable());
  pump();
}

void FrameSession::on_packet() { pump(); }

// Starts the newest frame if the last one is with the kernel. One frame: a packet that comes meanwhile calls again.
void FrameSession::pump() {
  if (phase_ != Phase::streaming || socket_is_full_ || !sender_.idle()) return;
  if (next_cursor_) take_over_next();
  const PacketPtr packet = next_packet();
  if (!packet) return;
  auto image = cursor_.stream().framed(packet, protocol_->framing());
  if (!image) return loop().counters().add(NetCounter::frames_dropped_memory);
  follow(sender_.start_frame(std::move(image)));
}

PacketPtr FrameSession::next_packet() {
  const bool was_refused = std::exchange(was_refused_, false);
  PacketCursor::Next next = cursor_.next();
  if (next.closed) {
    end_with(protocol_->farewell(cursor_.stream().close_reason().value_or("the stream has ended")));
    return nullptr;
  }
  if (!next.packet) return was_refused ? cursor_.stream().newest() : nullptr;
  const uint64_t dropped = next.dropped + (was_refused ? 1 : 0);
  if (dropped > 0) loop().counters().add(NetCounter::frames_dropped_slow_client, dropped);
  return std::move(next.packet);
}

void FrameSession::follow(FrameSender::Progress progress) {
  switch (progress) {
    case FrameSender::Progress::done:
      break;
    case FrameSender::Progress::not_started:
      was_refused_ = true;
      [[fallthrough]];
    case FrameSender::Progress::waiting:
      socket_is_full_ = true;
      connection_->wait_writable(shared_from_this());
      break;
    case FrameSender::Progress::failed:
      return end();
  }
  if (phase_ == Phase::last_words) close_when_sent();
}

void FrameSession::switch_on_loop(std::shared_ptr<Stream> stream) {
  if (phase_ != Phase::streaming) return;
  if (stream == cursor_.stream_ptr()) {  // changed and changed back
    next_subscription_.reset();
    next_cursor_.reset();
    return;
  }
  next_cursor_.emplace(stream);
  next_subscription_ = loop().dispatcher().subscribe(stream, *this);
  pump();
}

void FrameSession::take_over_next() {
  const bool next_failed = next_cursor_->stream().close_reason().has_value();
  const bool old_ended = cursor_.stream().close_reason().has_value();
  if (!next_failed && !old_ended && !next_cursor_->stream().newest()) return;
  if (!next_failed) {
    cursor_ = std::move(*next_cursor_);
    subscription_ = std::move(next_subscription_);
    was_refused_ = false;
  }
  next_subscription_.reset();
  next_cursor_.reset();
}

void FrameSession::send_control(std::string_view bytes) {
  if (phase_ == Phase::streaming && !bytes.empty()) follow(sender_.send_control(bytes));
}

void FrameSession::end_with(std::string_view bytes) {
  if (phase_ != Phase::streaming) return;
  phase_ = Phase::last_words;
  subscription_.reset();
  next_subscription_.reset();
  if (bytes.empty()) return close_when_sent();
  follow(sender_.send_control(bytes));
}

// Closing with unread input would reset the connection and take the last words away from the peer.
void FrameSession::close_when_sent() {
  if (phase_ != Phase::last_words || !sender_.idle()) return;
  phase_ = Phase::lingering;
  linger_until_ = loop().now() + linger;
  ::shutdown(connection_->fd(), SHUT_WR);
}

void FrameSession::on_sweep(Timestamp now) {
  if (phase_ == Phase::ended) return;
  const auto self = weak_from_this().lock();  // ending lets go of the wait that keeps it
  if (!self) return;
  if (sender_.is_stalled(now)) {
    loop().counters().add(NetCounter::slow_clients_cut);
    return end();
  }
  if (phase_ == Phase::lingering && now >= linger_until_) return end();
  if (phase_ != Phase::streaming) return;
  if (options_.length && now - started_ >= *options_.length)
    return end_with(protocol_->farewell("the time asked for is over"));
  if (sender_.idle() && now - sender_.last_progress() >= keep_alive_after) send_control(protocol_->keep_alive());
}

void FrameSession::end() {
  if (phase_ == Phase::ended) return;
  phase_ = Phase::ended;
  subscription_.reset();
  next_subscription_.reset();
  connection_->close();
}

}  // namespace camweave
