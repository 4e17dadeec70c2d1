#include "net/frame_sender.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <cassert>
#include <cerrno>

#include "net/frame_pipe.h"

namespace camweave {
namespace {

constexpr int notsent_lowat_bytes = 16 * 1024;  // performance.md section 2: half the age of frames at slow clients

bool is_full(int error_number) { return error_number == EAGAIN || error_number == EWOULDBLOCK; }

}  // namespace

FrameSender::FrameSender(Connection& connection) : connection_(connection), last_progress_(connection.loop().now()) {
  const int on = 1;
  // Both fail on a UNIX socket, which needs neither.
  ::setsockopt(connection.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(connection.fd(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent_lowat_bytes, sizeof notsent_lowat_bytes);
}

FrameSender::Progress FrameSender::start_frame(WireImage image) {
  assert(idle());
  image_ = std::move(image);
  image_sent_bytes_ = 0;
  // Waiting for a frame is no stall: the ten seconds begin now.
  last_progress_ = connection_.loop().now();
  const Progress progress = send_rest_of_frame();
  if (progress == Progress::waiting && image_sent_bytes_ == 0) {
    image_ = {};
    return Progress::not_started;
  }
  return progress;
}

FrameSender::Progress FrameSender::send_control(std::string_view bytes) {
  if (control_.size() + bytes.size() > max_control_bytes) return Progress::failed;
  const bool was_idle = idle();
  control_ += bytes;
  if (!was_idle) return Progress::waiting;
  last_progress_ = connection_.loop().now();
  return send_rest_of_control();
}

FrameSender::Progress FrameSender::on_writable() {
  if (image_) {
    const Progress progress = send_rest_of_frame();
    if (progress != Progress::done) return progress;
  }
  return control_.empty() ? Progress::done : send_rest_of_control();
}

FrameSender::Progress FrameSender::send_rest_of_frame() {
  NetCounters& counters = connection_.loop().counters();
  while (image_sent_bytes_ < image_.size) {
    const ssize_t sent = send_piece();
    counters.add(NetCounter::send_calls);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && is_full(errno)) return Progress::waiting;
    if (sent <= 0) return Progress::failed;
    image_sent_bytes_ += static_cast<size_t>(sent);
    counters.add(NetCounter::bytes_sent, static_cast<uint64_t>(sent));
    last_progress_ = connection_.loop().now();
    // A short count from a socket that doesn't block means that it is full: asking again would only hear EAGAIN.
    if (image_sent_bytes_ < image_.size) return Progress::waiting;
  }
  image_ = {};
  counters.add(NetCounter::frames_sent);
  return Progress::done;
}

// A reader who is slow mostly gets a frame in pieces, which a pipe is no good for.
ssize_t FrameSender::send_piece() {
  off_t offset = image_.offset + static_cast<off_t>(image_sent_bytes_);
  if (image_sent_bytes_ > 0)
    return ::sendfile(connection_.fd(), image_.memory->fd(), &offset, image_.size - image_sent_bytes_);
  const ssize_t sent = last_went_whole_ ? connection_.loop().frame_pipe().send(connection_.fd(), image_)
                                        : ::sendfile(connection_.fd(), image_.memory->fd(), &offset, image_.size);
  last_went_whole_ = sent == static_cast<ssize_t>(image_.size);
  return sent;
}

FrameSender::Progress FrameSender::send_rest_of_control() {
  while (!control_.empty()) {
    const ssize_t sent = ::send(connection_.fd(), control_.data(), control_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return is_full(errno) ? Progress::waiting : Progress::failed;
    control_.erase(0, static_cast<size_t>(sent));
    last_progress_ = connection_.loop().now();
  }
  control_ = std::string();  // an idle viewer keeps no buffer
  return Progress::done;
}

}  // namespace camweave
