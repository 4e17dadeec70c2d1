// FrameSender: puts frames and small control bytes on a socket, one whole piece after another. A frame is a region of
// packet memory (header and body in one), sent by one call where the socket takes it whole. Thread-bound.
//
// Invariants: a frame that was started is sent to its end before anything else; the sender holds its reference to the
// region until the kernel has taken the last byte (the rule of media/packet_memory.h); it holds at most one frame.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "media/packet_memory.h"
#include "net/connection.h"

namespace camweave {

class FrameSender {
 public:
  static constexpr std::chrono::seconds longest_stall{10};
  static constexpr size_t max_control_bytes = 16 * 1024;

  // Sets TCP_NODELAY and TCP_NOTSENT_LOWAT (16 KB).
  explicit FrameSender(Connection& connection);

  enum class Progress {
    done,         // everything is with the kernel: the next frame may start
    waiting,      // the socket is full: call wait_writable(), then on_writable()
    not_started,  // the frame was refused by a full socket and not taken: wait_writable(), then start with the newest
    failed,       // the connection is dead
  };

  // Only when idle(). Keeps `image` until its last byte is with the kernel.
  Progress start_frame(WireImage image);
  // Control bytes (an HTTP head, pong, close): at once when idle, else behind the frame in flight. `failed` also when
  // more than max_control_bytes would be queued.
  Progress send_control(std::string_view bytes);
  Progress on_writable();

  bool idle() const { return !image_ && control_.empty(); }
  // No byte went out for longest_stall although there were some to send.
  bool is_stalled(Timestamp now) const { return !idle() && now - last_progress_ > longest_stall; }
  Timestamp last_progress() const { return last_progress_; }

 private:
  Progress send_rest_of_frame();
  ssize_t send_piece();
  Progress send_rest_of_control();

  Connection& connection_;
  WireImage image_;
  size_t image_sent_bytes_ = 0;
  bool last_went_whole_ = true;  // by one call
  std::string control_;
  Timestamp last_progress_;
};

}  // namespace camweave
