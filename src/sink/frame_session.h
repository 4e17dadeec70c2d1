// FrameSession: one client of a JPEG stream, from the newest packet to the socket, whatever the protocol: it starts a frame
// only when the last one is with the kernel and the socket takes more, and then takes the newest. What differs between
// protocols (framing, what the client may say) is its Protocol. Lives on its connection's loop, by its pending reads.
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

class FrameSession final : public std::enable_shared_from_this<FrameSession>,
                           private ReadinessHandler,
                           private PacketReader,
                           private Swept {
 public:
  struct Options {
    std::optional<std::chrono::seconds> length;  // ends by itself after this
    std::function<void()> on_end;                // on the loop, once
  };
  // On the connection's loop. `head`: what goes out first.
  static std::shared_ptr<FrameSession> start(std::unique_ptr<Connection> connection, std::unique_ptr<FrameProtocol> protocol,
                                             std::shared_ptr<Stream> stream, std::string_view head, Options options);
  static std::shared_ptr<FrameSession> start(std::unique_ptr<Connection> connection, std::unique_ptr<FrameProtocol> protocol,
                                             std::shared_ptr<Stream> stream, std::string_view head);
  ~FrameSession();

  // Thread-safe: goes over to another stream (another rendition) without a gap: the old one is sent until the new one has
  // its first packet. Nothing when the session has ended.
  void switch_to(std::shared_ptr<Stream> stream);

  // For protocols, on the loop.
  void send_control(std::string_view bytes);
  void end_after_control();  // closes once what is queued is with the kernel
  IoLoop& loop() const { return connection_->loop(); }

 private:
  FrameSession(std::unique_ptr<Connection> connection, std::unique_ptr<FrameProtocol> protocol, std::shared_ptr<Stream> stream,
               Options options);

  void on_readable() override;
  void on_writable() override;
  void on_packet() override;
  void on_sweep(Timestamp now) override;

  void pump();
  void after(FrameSender::Progress progress);
  void switch_on_loop(std::shared_ptr<Stream> stream);
  bool take_over_next();
  void end(std::string_view reason);

  const std::unique_ptr<Connection> connection_;
  const std::unique_ptr<FrameProtocol> protocol_;
  Options options_;
  FrameSender sender_;
  PacketCursor cursor_;
  std::unique_ptr<PacketCursor> next_cursor_;  // switching: not yet with a packet
  PacketDispatcher::Subscription subscription_;
  PacketDispatcher::Subscription next_subscription_;
  Timestamp started_;
  bool ended_ = false;
  bool ending_ = false;
};

}  // namespace camweave
