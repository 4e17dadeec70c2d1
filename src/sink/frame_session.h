// FrameSession: one client of a JPEG stream, from the newest packet to the socket, whatever the protocol: it starts a
// frame only when the last one is with the kernel and the socket takes more, and then takes the newest. What differs
// between protocols (framing, what the client may say) is its Protocol. Lives on its connection's loop, by its pending
// reads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/connection.h"
#include "net/frame_sender.h"
#include "net/http_server.h"
#include "stream/packet_dispatcher.h"
#include "stream/stream.h"

namespace camweave {

class FrameSession;

// Thread-bound to the session's loop.
class FrameProtocol {
 public:
  virtual ~FrameProtocol() = default;
  virtual const Framing& framing() const = 0;
  // What the client sent; false ends the session.
  virtual bool on_input(std::span<const std::byte> bytes, FrameSession& session) = 0;
  // The camera is gone for good: the protocol's last words.
  virtual std::string farewell(std::string_view reason) = 0;
  // Nothing went out for a while: bytes that keep the path open, or none.
  virtual std::string keep_alive() { return {}; }
};

// A session from elsewhere: thread-safe.
class FrameSessionRef {
 public:
  FrameSessionRef() = default;
  FrameSessionRef(IoLoop& loop, std::weak_ptr<FrameSession> session) : loop_(&loop), session_(std::move(session)) {}

  // Goes over to another stream (another rendition) without a gap: the old one is sent until the new one has its first
  // packet. Nothing when the session has ended; never after the loops have.
  void switch_to(std::shared_ptr<Stream> stream) const;
  bool has_ended() const { return session_.expired(); }

 private:
  IoLoop* loop_ = nullptr;
  std::weak_ptr<FrameSession> session_;
};

class FrameSession final : public std::enable_shared_from_this<FrameSession>,
                           public ReadinessHandler,
                           private PacketReader,
                           private Swept {
 public:
  struct Options {
    std::optional<std::chrono::seconds> length;  // ends by itself after this
    std::function<void()> on_end;                // once the session is over, on its loop
  };
  // On the connection's loop. `head`: what goes out first.
  static FrameSessionRef start(std::unique_ptr<Connection> connection, std::unique_ptr<FrameProtocol> protocol,
                               std::shared_ptr<Stream> stream, std::string_view head, Options options);
  ~FrameSession() override;

  // For protocols, on the loop.
  void send_control(std::string_view bytes);
  // The last words: nothing more is read or started; closes once they are with the kernel and the peer has seen the
  // end.
  void end_with(std::string_view bytes);
  IoLoop& loop() const { return connection_->loop(); }

 private:
  friend class FrameSessionRef;
  FrameSession(std::unique_ptr<Connection> connection, std::unique_ptr<FrameProtocol> protocol,
               std::shared_ptr<Stream> stream, Options options);

  void on_readable() override;
  void on_writable() override;
  void on_packet() override;
  void on_sweep(Timestamp now) override;

  void begin(std::string_view head);
  bool take_input(std::span<const std::byte> bytes);
  void pump();
  PacketPtr next_packet();
  void take_over_next();
  void follow(FrameSender::Progress progress);
  void switch_on_loop(std::shared_ptr<Stream> stream);
  void close_when_sent();
  void end();

  enum class Phase { streaming, last_words, lingering, ended };
  static constexpr std::chrono::seconds keep_alive_after{30};
  static constexpr std::chrono::seconds linger{2};

  const std::unique_ptr<Connection> connection_;
  const std::unique_ptr<FrameProtocol> protocol_;
  Options options_;
  FrameSender sender_;
  PacketCursor cursor_;
  PacketDispatcher::Subscription subscription_;
  std::optional<PacketCursor> next_cursor_;  // switching: a stream that has no packet yet
  PacketDispatcher::Subscription next_subscription_;
  const Timestamp started_;
  Timestamp linger_until_{};
  Phase phase_ = Phase::streaming;
  bool socket_is_full_ = false;  // on_writable() will come
  bool was_refused_ = false;     // the newest packet was taken, but the socket had no room to start it
};

}  // namespace camweave
