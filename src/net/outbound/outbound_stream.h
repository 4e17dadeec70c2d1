// OutboundStream: a TCP or TLS connection that we make to somebody else's server, to send frames and small control
// bytes on and to read what comes back. Looks the name up, tries its addresses one after another, and for TLS checks
// the certificate. Never blocks. Thread-bound to its loop; calls its owner on the loop only, and never from inside of
// one of its own functions but start_frame() and send_control() (on_ended).
//
// Plain TCP sends a frame's pages by one call (FrameSender); TLS encrypts from the same pages. In both, a
// frame that was begun is sent to its end before anything else.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "media/packet_memory.h"
#include "net/io_loop.h"

namespace camweave {

struct OutboundOptions {
  std::string host;
  uint16_t port = 0;
  bool tls = false;
  std::string ca_file;  // PEM; "": the system's store
  bool check_certificate = true;
};

class OutboundStream {
 public:
  class Owner {
   public:
    virtual void on_connected() = 0;
    virtual void on_bytes(std::span<const std::byte> bytes) = 0;
    virtual void on_idle() = 0;            // what was waiting has been sent: the next frame may start
    virtual void on_ended(Error why) = 0;  // once; nothing is called after it

   protected:
    ~Owner() = default;
  };

  // `owner` must outlive the stream or close() it first.
  static std::shared_ptr<OutboundStream> connect(IoLoop& loop, OutboundOptions options, Owner& owner);
  virtual ~OutboundStream() = default;

  // Connected and nothing waits to be sent.
  virtual bool idle() const = 0;
  // When the last byte went out, or a piece began to wait.
  virtual Timestamp last_progress() const = 0;
  virtual void send_control(std::string_view bytes) = 0;
  // Only when idle(). False: the socket is full and the frame was not taken; on_idle() comes when there is room.
  virtual bool start_frame(std::shared_ptr<const PacketBuffer> image) = 0;
  // Nothing is called after it. Idempotent.
  virtual void close() = 0;
};

}  // namespace camweave
