// How a playing session's frames get to its reader. The requests are in rtsp_session.cpp.
#include <boost/asio/io_context.hpp>

#include "sink/rtsp/rtsp_session.h"
#include "sink/rtsp/udp_batch.h"

namespace camweave {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view cname = "camweave";
constexpr auto report_interval = 5s;
constexpr auto most_lag = 1s;         // of a reader, before it goes on at the next keyframe
constexpr auto fresh = 200ms;         // a keyframe so young is as good as one made for the reader
constexpr auto caught_up = 100ms;     // behind the newest frame: no kept pictures are left to send
constexpr size_t burst_packets = 32;  // of a large frame over UDP, every
constexpr auto burst_interval = 500us;
constexpr size_t catch_up_packets = 8;  // of a kept GOP over UDP, every; 90 Mbit/s
constexpr auto catch_up_interval = 1ms;

}  // namespace

void RtspSession::set_state(State state) {
  if (state_ != State::playing && state == State::playing) ++service_.playing;
  if (state_ == State::playing && state != State::playing) --service_.playing;
  state_ = state;
}

// Where a new reader begins (gop_cache): at the kept GOP; or at the next keyframe, which what we encode makes for it.
void RtspSession::begin_at_picture() {
  const auto& rtp = source_->rtp();
  const auto camera = service_.cameras.find(target_->camera_id);
  const bool is_own = camera && passes_through(source_->rendition(), camera->mode);
  const bool takes_kept = service_.gop_cache == GopCache::on || (service_.gop_cache == GopCache::automatic && is_own);
  const Timestamp now = connection_->loop().now();

  PacketCursor kept(rtp, PacketCursor::Begin::gop);
  const auto first = kept.next().packet;
  cursor_.emplace(rtp, PacketCursor::Begin::gop);
  most_lag_ = most_lag;
  if (first && (takes_kept || now - first->info.capture_time <= fresh)) {
    most_lag_ += std::max<std::chrono::nanoseconds>(now - first->info.capture_time, 0ns);
    catches_up_ = true;
    return;
  }
  catches_up_ = false;
  // What has come since the last keyframe is of no use; a source that has just begun has its first keyframe still to
  // come.
  if (first) cursor_.emplace(rtp, PacketCursor::Begin::newest);
  rtp->request_keyframe();
}

void RtspSession::stop_playing() {
  subscription_.reset();
  cursor_.reset();
  frame_.reset();  // one that was begun over TCP is the sender's
  udp_rest_ = {};
}

void RtspSession::leave_udp() {
  if (udp_batch_) udp_batch_->flush();
  if (udp_peer_ && source_) service_.udp->send_rtcp(*udp_peer_, rtp::serialize_bye(source_->ssrc()));
  udp_peer_.reset();
  udp_batch_.reset();
}

void RtspSession::on_packet() {
  const auto keep = shared_from_this();
  pump();
}

// A reader that is far behind the newest frame. While it catches up on a kept GOP it may be as far as it began.
bool RtspSession::is_too_late(const Packet& next) {
  // The usual case, without the stream's lock: it has only just been captured.
  if (!catches_up_ && connection_->loop().now() - next.info.capture_time <= caught_up) return false;
  const auto newest = source_->rtp()->newest();
  const auto lag = newest ? newest->info.capture_time - next.info.capture_time : 0ns;
  if (lag <= caught_up) {
    most_lag_ = most_lag;
    catches_up_ = false;
  }
  return lag > most_lag_;
}

bool RtspSession::take_next() {
  while (true) {
    auto next = cursor_->next();
    if (!waiting_)
      service_.frames_dropped += next.dropped;  // what came before a reader's first picture it has not missed
    if (next.closed) {
      if (waiting_)
        refuse(stop_waiting(),
               {ErrorCode::unavailable, source_->rtp()->close_reason().value_or("the stream has ended")});
      end();
      return false;
    }
    if (!next.packet) return false;
    if (!is_too_late(*next.packet)) {
      frame_ = std::move(next.packet);
      return true;
    }
    ++service_.frames_dropped;
    cursor_->skip_to_keyframe();
  }
}

// One frame after another while the client takes them; a frame that the socket refused is kept for on_writable().
void RtspSession::pump() {
  bool has_answered = false;
  while (!ended_ && state_ == State::playing && !pacing_) {
    if (udp_peer_ && udp_peer_->unsent.packets > 0) learn_unsent();
    if (!frame_ && !take_next()) break;
    if (waiting_) {
      finish_play(RtpFrame::of(*frame_));
      has_answered = true;
    }
    if (ended_) return;
    if (!transport_->tcp) {
      send_udp();
      continue;
    }
    if (!sender_.idle()) break;
    send_tcp();
    if (frame_) break;
  }
  if (has_answered && !ended_) go_on_reading();
}

void RtspSession::send_tcp() {
  const RtpFrame& frame = RtpFrame::of(*frame_);
  const auto progress = sender_.start_frame(std::shared_ptr<const PacketBuffer>(frame_, &frame_->body));
  if (progress == FrameSender::Progress::failed) return end();
  if (progress != FrameSender::Progress::done) connection_->wait_writable(shared_from_this());
  if (progress == FrameSender::Progress::not_started) return;
  last_sent_ = frame.info;
  packets_sent_ += frame.packet_count;
  octets_sent_ += frame.payload_octets;
  frame_.reset();
  // Behind the frame, where it is not with the kernel yet.
  if (connection_->loop().now() >= next_report_) send_sender_report(connection_->loop().now());
}

void RtspSession::on_writable() {
  const auto progress = sender_.on_writable();
  if (progress == FrameSender::Progress::failed) return end();
  if (progress != FrameSender::Progress::done) return connection_->wait_writable(shared_from_this());
  pump();
}

// At most one burst of the frame; the rest, and what follows in a kept GOP, when its time has come.
void RtspSession::send_udp() {
  if (udp_rest_.empty()) udp_rest_ = frame_->body.bytes();
  const auto queued = udp_batch_->add(udp_peer_, frame_, udp_rest_, catches_up_ ? catch_up_packets : burst_packets);
  packets_sent_ += queued.packets;
  octets_sent_ += queued.payload_octets;
  last_sent_ = frame_->info;
  const bool is_whole = udp_rest_.empty();
  if (is_whole) {
    frame_.reset();
    if (connection_->loop().now() >= next_report_) send_sender_report(connection_->loop().now());
  }
  if (catches_up_) return wait_for_pace(catch_up_interval);
  if (!is_whole) wait_for_pace(burst_interval);
}

// The socket was full. What is missing of that frame breaks the picture until the next keyframe anyway.
void RtspSession::learn_unsent() {
  const auto unsent = std::exchange(udp_peer_->unsent, {});
  packets_sent_ -= unsent.packets;
  octets_sent_ -= unsent.payload_octets;
  frame_.reset();
  udp_rest_ = {};
  ++service_.frames_dropped;
  cursor_->skip_to_keyframe();
}

void RtspSession::wait_for_pace(std::chrono::microseconds interval) {
  pacing_ = true;
  if (!pacer_) pacer_ = std::make_unique<boost::asio::steady_timer>(connection_->loop().context());
  pacer_->expires_after(interval);
  pacer_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    self->pacing_ = false;
    if (!error && !self->ended_) self->pump();
  });
}

void RtspSession::send_sender_report(Timestamp now) {
  next_report_ = now + report_interval;
  if (!last_sent_) return;
  const auto report = rtp::serialize_sender_report({.ssrc = source_->ssrc(),
                                                    .wall_us = last_sent_->capture_wall.count(),
                                                    .rtp_timestamp = source_->rtp_time(last_sent_->capture_time),
                                                    .packet_count = packets_sent_,
                                                    .octet_count = octets_sent_},
                                                   cname);
  if (udp_peer_) return service_.udp->send_rtcp(*udp_peer_, report);
  std::string framed{'$', '\x01', static_cast<char>(report.size() >> 8), static_cast<char>(report.size() & 0xff)};
  framed.append(reinterpret_cast<const char*>(report.data()), report.size());
  send(framed);
}

void RtspSession::on_sweep(Timestamp now) {
  const auto keep = shared_from_this();
  if (waiting_ && now - waiting_since_ > answer_patience) return give_up_waiting();
  if (udp_peer_) {
    last_heard_ = std::max(last_heard_, from_nanoseconds(udp_peer_->last_heard_ns));
    if (udp_peer_->is_gone(unreachable_time)) {
      ++service_.readers_unreachable;
      return end();
    }
  }
  const bool is_tcp_player = state_ == State::playing && transport_->tcp;
  // A TCP reader shows by reading that it is there; everybody else has to say something.
  const auto patience = state_ == State::idle ? set_up_time_out : time_out;
  if (sender_.is_stalled(now) || (!is_tcp_player && !waiting_ && now - last_heard_ > patience)) {
    ++service_.readers_timed_out;
    end();
  }
}

void RtspSession::end() {
  if (std::exchange(ended_, true)) return;
  if (waiting_) connection_->loop().let_go(this);
  stop_playing();
  set_state(State::idle);
  if (pacer_) pacer_->cancel();
  leave_udp();
  source_.reset();
  connection_->close();
}

}  // namespace camweave
