// See connection.h.
#include "connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../common/tcp.h"
#include "framing.h"

namespace bench {
namespace {

constexpr size_t kHeadBytes = 1024;  // enough for a part's headers and the EXIF behind them
constexpr size_t kMostHeadBytes = 16384;
constexpr size_t kChunkBytes = 65536;
constexpr uint64_t kMostBodyBytes = 256u << 20;
constexpr int kSlowSegmentBytes = 1448;  // a slow link has Ethernet's segments, not loopback's 64 KB ones
constexpr unsigned kEoi = 0xFFD9;

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

UniqueFd connect_unix(const std::string& path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

}  // namespace

Connection::Connection(const Options& options, FrameLog& log, uint32_t index, Speed speed)
    : options_(options),
      log_(log),
      protocol_(options.protocol),
      source_(index % static_cast<uint32_t>(options.paths.size())),
      speed_(speed) {}

bool Connection::open(Monotonic::time_point now) {
  opened_at_ = now;
  if (speed_ == Speed::Slow) bucket_.emplace(options_.slow_bits_per_s, now);
  phase_ = Phase::Connecting;
  if (protocol_ == Protocol::BundleUnix) {
    fd_ = connect_unix(options_.unix_path);
    if (!fd_) return fail("connect: " + std::string(strerror(errno))), false;
    return true;
  }
  fd_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) return fail("socket: " + std::string(strerror(errno))), false;
  if (!set_congestion_control(fd_.get(), options_.congestion)) log_.count_fault("congestion control not set");
  if (speed_ == Speed::Slow) {
    set_option(fd_.get(), SOL_SOCKET, SO_RCVBUF, options_.slow_receive_buffer_bytes);
    set_option(fd_.get(), IPPROTO_TCP, TCP_MAXSEG, kSlowSegmentBytes);
  }
  sockaddr_in address{};
  if (!parse_ipv4(options_.host, options_.port, address)) return fail("host is no IPv4 address"), false;
  const int result = connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (result != 0 && errno != EINPROGRESS) return fail("connect: " + std::string(strerror(errno))), false;
  return true;
}

std::string Connection::request() const {
  const std::string host = options_.host + ":" + std::to_string(options_.port);
  const std::string first = "GET " + options_.paths[source_] + " HTTP/" + options_.http_version + "\r\nHost: " + host;
  if (!speaks_websocket()) return first + "\r\n\r\n";
  return first +
         "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: YmVuY2gtbG9hZC1jbGllbg==\r\n\r\n";
}

Connection::Outcome Connection::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail("connect: " + std::string(strerror(error))), Outcome::Closed;
  log_.count_connect();
  const bool asks = protocol_ == Protocol::Mjpeg || speaks_websocket();
  phase_ = asks ? Phase::ResponseHead : Phase::FrameHead;
  if (!asks) return Outcome::Wait;
  const std::string text = request();
  if (::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
    return fail("request not sent"), Outcome::Closed;
  }
  return Outcome::Wait;
}

Connection::Outcome Connection::on_readable(Monotonic::time_point now) {
  while (true) {
    switch (step(now)) {
      case Step::Again:
        break;
      case Step::Wait:
        return Outcome::Wait;
      case Step::Throttled:
        return Outcome::Throttled;
      case Step::Closed:
        return Outcome::Closed;
      case Step::Frame:
        // One frame per call keeps the clients even; what is already here must be read now, epoll will not tell of it.
        if (pending_.empty() || options_.churn_cycles > 0) return Outcome::Frame;
        break;
    }
  }
}

Connection::Step Connection::step(Monotonic::time_point now) {
  switch (phase_) {
    case Phase::Idle:
    case Phase::Connecting:
      return Step::Wait;
    case Phase::ResponseHead:
      return read_response_head(now);
    case Phase::FrameHead:
      return read_frame_head(now);
    case Phase::Body:
      return read_body(now);
    case Phase::OpenBody:
      return read_open_body(now);
  }
  return Step::Wait;
}

size_t Connection::receive(void* to, size_t want, int flags, Monotonic::time_point now, Step& otherwise) {
  if (bucket_) {
    want = std::min(want, bucket_->available(now));
    if (want == 0) return otherwise = Step::Throttled, 0;
  }
  const ssize_t got = recv(fd_.get(), to, want, flags);
  if (got > 0) {
    const auto count = static_cast<size_t>(got);
    log_.count_bytes(count);
    if (bucket_) bucket_->take(count);
    return count;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return otherwise = Step::Wait, 0;
  otherwise = fail(got == 0 ? "closed by the server" : "read: " + std::string(strerror(errno)));
  return 0;
}

Connection::Step Connection::fill(size_t want, Monotonic::time_point now) {
  if (pending_.size() >= kMostHeadBytes) return fail("a header without end");
  char buffer[kHeadBytes];
  Step otherwise = Step::Wait;
  const size_t got = receive(buffer, std::min(want, sizeof buffer), 0, now, otherwise);
  if (got == 0) return otherwise;
  pending_.append(buffer, got);
  return Step::Again;
}

Connection::Step Connection::read_response_head(Monotonic::time_point now) {
  HttpHead head;
  const Parsed parsed = parse_http_head(pending_, head);
  if (parsed == Parsed::NeedMore) return fill(kHeadBytes, now);
  if (parsed == Parsed::Bad) return fail("no HTTP response");
  const int wanted = speaks_websocket() ? 101 : 200;
  if (head.status != wanted) return fail("HTTP status " + std::to_string(head.status));
  if (head.chunked) return fail("chunked transfer: ask with --http 1.0");
  if (!speaks_websocket() && !head.multipart) return fail("the response is no multipart stream");
  consume(head.used_bytes);
  phase_ = Phase::FrameHead;
  return Step::Again;
}

Connection::Step Connection::read_frame_head(Monotonic::time_point now) {
  switch (protocol_) {
    case Protocol::Mjpeg:
    case Protocol::Multipart:
      return read_part_head(now);
    case Protocol::WebSocket:
    case Protocol::Bundle:
      return read_websocket_head(now);
    case Protocol::Raw:
    case Protocol::BundleUnix:
      return read_length_head(now);
    case Protocol::RtspTcp:  // rtsp_reader.h
    case Protocol::RtspUdp:
      break;
  }
  return Step::Wait;
}

// Without HTTP a stream may be joined in the middle of a part: what lies before the first boundary is skipped.
Connection::Step Connection::join_parts(Monotonic::time_point now) {
  const size_t start = find_part_head(pending_);
  if (start == std::string::npos) {
    if (pending_.size() > kHeadBytes) consume(pending_.size() - kHeadBytes);
    return fill(kHeadBytes, now);
  }
  consume(start);
  joined_ = true;
  return Step::Again;
}

Connection::Step Connection::read_part_head(Monotonic::time_point now) {
  if (protocol_ == Protocol::Multipart && !joined_) return join_parts(now);
  PartHead head;
  const Parsed parsed = parse_part_head(pending_, head);
  if (parsed == Parsed::NeedMore) return fill(kHeadBytes, now);
  if (parsed == Parsed::Bad) return fail_torn("no boundary where a part must begin");
  if (!head.jpeg) return log_.mark_wrong("a part is no image/jpeg"), fail("stream given up");
  consume(head.used_bytes);
  sequence_ = head.sequence;
  unix_us_ = head.unix_us;
  if (head.content_length) return begin_body(*head.content_length, true);
  boundary_ = "\r\n" + head.boundary_line;
  kept_ = std::move(pending_);
  pending_.clear();
  searched_ = 0;
  phase_ = Phase::OpenBody;
  return Step::Again;
}

Connection::Step Connection::read_websocket_head(Monotonic::time_point now) {
  constexpr unsigned kContinuation = 0, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;
  WebSocketHead head;
  const Parsed parsed = parse_websocket_head(pending_, head);
  if (parsed == Parsed::NeedMore) return fill(kHeadBytes, now);
  if (parsed == Parsed::Bad) return fail_torn("no WebSocket frame where one must begin");
  if (head.opcode == kClose) return fail("WebSocket close");
  const bool control = head.opcode == kPing || head.opcode == kPong;
  const bool expected = control || head.opcode == (frame_bytes_ == 0 ? kBinary : kContinuation);
  if (!expected) return fail_torn("unexpected WebSocket opcode " + std::to_string(head.opcode));
  if (control && pending_.size() < head.used_bytes + head.payload_bytes) return fill(kHeadBytes, now);
  consume(head.used_bytes);
  if (!control) return begin_body(head.payload_bytes, head.last_fragment);
  if (head.opcode == kPing) answer_ping(std::string_view(pending_).substr(0, head.payload_bytes));
  consume(head.payload_bytes);
  return Step::Again;
}

Connection::Step Connection::read_length_head(Monotonic::time_point now) {
  const size_t head_bytes = protocol_ == Protocol::Raw ? 4 : 8;
  if (pending_.size() < head_bytes) return fill(kHeadBytes, now);
  const std::string head = pending_.substr(0, head_bytes);
  if (head_bytes == 8 && !head.starts_with("CWUP")) return fail_torn("no CWUP where a bundle must begin");
  consume(head_bytes);
  return begin_body(head_bytes == 4 ? read_be32(head) : read_le32(head.substr(4)), true);
}

Connection::Step Connection::begin_body(uint64_t bytes, bool last_fragment) {
  if (bytes > kMostBodyBytes) return fail_torn("a frame of " + std::to_string(bytes) + " bytes");
  body_left_ = bytes;
  last_fragment_ = last_fragment;
  phase_ = Phase::Body;
  return Step::Again;
}

void Connection::keep_body(const char* bytes, size_t count) {
  const size_t room =
      options_.mode == Mode::Check ? count : std::min(count, kHeadBytes - std::min(kHeadBytes, kept_.size()));
  kept_.append(bytes, room);
  for (size_t i = count - std::min<size_t>(count, 2); i < count; ++i) {
    tail_ = (tail_ << 8 | static_cast<unsigned char>(bytes[i])) & 0xFFFF;
  }
  frame_bytes_ += count;
  body_left_ -= count;
}

Connection::Step Connection::read_body(Monotonic::time_point now) {
  if (!pending_.empty() && body_left_ > 0) {
    const size_t count = std::min<uint64_t>(pending_.size(), body_left_);
    keep_body(pending_.data(), count);
    consume(count);
  }
  if (body_left_ == 0) return end_of_body();
  // A UNIX socket cannot throw bytes away in the kernel.
  if (options_.mode == Mode::Check || protocol_ == Protocol::BundleUnix) {
    char buffer[kChunkBytes];
    Step otherwise = Step::Wait;
    const size_t got = receive(buffer, std::min<uint64_t>(sizeof buffer, body_left_), 0, now, otherwise);
    if (got == 0) return otherwise;
    keep_body(buffer, got);
    return Step::Again;
  }
  if (kept_.size() < kHeadBytes || body_left_ <= 2) return fill(kHeadBytes, now);
  Step otherwise = Step::Wait;
  const size_t want = body_left_ - 2;
  const size_t got = receive(nullptr, want, MSG_TRUNC, now, otherwise);
  if (got == 0) return otherwise;
  frame_bytes_ += got;
  body_left_ -= got;
  return got < want ? (bucket_ ? Step::Again : Step::Wait) : Step::Again;
}

Connection::Step Connection::end_of_body() {
  phase_ = Phase::FrameHead;
  return last_fragment_ ? frame_done() : Step::Again;
}

// A part without Content-Length ends where the next boundary begins: all of it must be read and searched.
Connection::Step Connection::read_open_body(Monotonic::time_point now) {
  const size_t from = searched_ > boundary_.size() ? searched_ - boundary_.size() : 0;
  const size_t found = kept_.find(boundary_, from);
  if (found != std::string::npos) {
    pending_ = kept_.substr(found);
    kept_.resize(found);
    if (found >= 2) {
      tail_ = static_cast<unsigned>(static_cast<unsigned char>(kept_[found - 2])) << 8 |
              static_cast<unsigned char>(kept_[found - 1]);
    }
    frame_bytes_ = found;
    phase_ = Phase::FrameHead;
    return frame_done();
  }
  searched_ = kept_.size();
  if (searched_ > kMostBodyBytes) return fail_torn("a part without end");
  char buffer[kChunkBytes];
  Step otherwise = Step::Wait;
  const size_t got = receive(buffer, sizeof buffer, 0, now, otherwise);
  if (got == 0) return otherwise;
  kept_.append(buffer, got);
  return Step::Again;
}

Connection::Step Connection::frame_done() {
  if (frames_++ == 0) {
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(Monotonic::now() - opened_at_);
    log_.count_first_frame_us(since.count());
  }
  const bool bundle = protocol_ == Protocol::Bundle || protocol_ == Protocol::BundleUnix;
  bundle ? judge_bundle() : judge_single();
  kept_.clear();
  frame_bytes_ = 0;
  tail_ = 0;
  return Step::Frame;
}

void Connection::judge_single() {
  Picture picture;
  picture.bytes = as_bytes(kept_);
  picture.whole = kept_.size() == frame_bytes_ && options_.mode == Mode::Check;
  picture.ends_with_eoi = tail_ == kEoi;
  picture.sequence = sequence_;
  picture.unix_us = unix_us_;
  picture.source = source_;
  log_.count_frame(speed_, source_, log_.judge(picture, histories_[0], false));
}

void Connection::judge_bundle() {
  const std::optional<BundleHead> head = parse_bundle_head(kept_);
  if (!head) return log_.mark_wrong("no bundle header");
  if (histories_.size() < head->camera_count) histories_.resize(head->camera_count);
  judge_cameras(std::string_view(kept_).substr(kBundleHeaderBytes), head->camera_count, options_.mode == Mode::Check);
}

// In drain mode only the first camera's head is here.
void Connection::judge_cameras(std::string_view message, uint16_t camera_count, bool whole) {
  constexpr uint32_t kSameFrame = 1, kAway = 2;
  std::optional<Judged> first;
  for (uint16_t camera = 0; camera < (whole ? camera_count : 1); ++camera) {
    const std::optional<CameraHead> head = parse_camera_head(message);
    if (!head) return log_.mark_torn("a bundle ends inside a camera header");
    message.remove_prefix(kCameraHeaderBytes);
    if (whole && message.size() < head->payload_bytes) return log_.mark_torn("a bundle ends inside a picture");
    if ((head->flags & kAway) != 0) continue;
    Picture picture;
    picture.bytes = as_bytes(message.substr(0, head->payload_bytes));
    picture.whole = whole;
    picture.ends_with_eoi = whole || tail_ == kEoi;
    picture.sequence = head->sequence;
    picture.unix_us = head->unix_us;
    picture.source = camera;
    const Judged judged = log_.judge(picture, histories_[camera], (head->flags & kSameFrame) != 0);
    if (!first) first = judged;
    if (whole) message.remove_prefix(head->payload_bytes);
  }
  if (whole && !message.empty()) log_.mark_torn("bytes behind the last picture of a bundle");
  log_.count_frame(speed_, 0, first.value_or(Judged{}));
}

void Connection::answer_ping(std::string_view payload) {
  std::string pong = {static_cast<char>(0x8A), static_cast<char>(0x80 | payload.size()), 0, 0, 0, 0};
  pong += payload;  // masked with zero: allowed, and nobody between here and the server needs protection
  if (::send(fd_.get(), pong.data(), pong.size(), MSG_NOSIGNAL) < 0) log_.count_fault("pong not sent");
}

Connection::Step Connection::fail_torn(const std::string& words) {
  log_.mark_torn(words);
  return fail("stream given up");
}

Connection::Step Connection::fail(const std::string& words) {
  log_.count_fault(words);
  if (phase_ != Phase::Connecting) log_.count_disconnect();
  close();
  return Step::Closed;
}

void Connection::close() {
  fd_.reset();
  phase_ = Phase::Idle;
  pending_.clear();
  kept_.clear();
  frame_bytes_ = 0;
  frames_ = 0;
  joined_ = false;
  histories_.assign(1, {});
}

}  // namespace bench
