// A push's frames, once the target records: newest first, whole ones only, by one system call each.
#include <fmt/format.h>

#include <algorithm>

#include "format/rtp/packetizer.h"
#include "sink/publish/push.h"

namespace camweave {

using namespace std::chrono_literals;

namespace {
constexpr auto most_lag = 1s;  // of the target, before it goes on at the next keyframe
constexpr auto report_interval = 5s;
constexpr auto longest_silence = 5s;    // of the camera, before it is said; longer at very low rates
constexpr auto silent_keep_alive = 5s;  // a target that hears nothing gives up after 10 s or so
}  // namespace

void Push::begin_recording() {
  const Timestamp now = loop_.now();
  // Not streaming yet: the first picture says so.
  set_state(PushState::waiting_for_camera);
  next_keep_alive_ = now + std::min<std::chrono::nanoseconds>(dialog_->time_out() / 2, 30s);
  next_report_ = now;
  redirects_ = 0;
  last_sent_at_ = now;
  cursor_.emplace(source_->rtp(), PacketCursor::Begin::newest);
  source_->rtp()->request_keyframe();
  subscription_ = loop_.dispatcher().subscribe(source_->rtp(), *this);
  pump();
}

void Push::on_packet() {
  const auto keep = shared_from_this();
  pump();
}

void Push::on_idle() {
  const auto keep = shared_from_this();
  pump();
}

void Push::pump() {
  while (stream_ && cursor_ && stream_->idle()) {
    if (frame_ && is_too_late(*frame_)) {
      frame_.reset();
      skip_to_keyframe();
    }
    if (!frame_ && !take_next()) return;
    // A region of packet memory belongs to its packet, which the connection holds until the last byte has gone.
    if (!stream_->start_frame(std::shared_ptr<const PacketBuffer>(frame_, &frame_->body))) return;
    count_sent(*std::exchange(frame_, nullptr));
    if (loop_.now() >= next_report_) send_sender_report();
  }
}

bool Push::take_next() {
  auto next = cursor_->next();
  if (next.dropped) {
    MutexLock lock(mutex_);
    status_.frames_dropped += next.dropped;
  }
  if (next.closed) {
    const std::string reason = source_->rtp()->close_reason().value_or("its stream has ended");
    fail({ErrorCode::unavailable, fmt::format("camera {}: {}", camera_, reason)});
    return false;
  }
  if (!next.packet) return false;
  if (is_too_late(*next.packet)) {
    skip_to_keyframe();
    return take_next();
  }
  if (next.packet->info.keyframe && next.packet->info.size != announced_size_) {
    // Other parameter sets than were announced: many receivers keep to the first.
    stream_->send_control(dialog_->teardown());
    drop_connection();
    begin(options_.target);
    return false;
  }
  frame_ = std::move(next.packet);
  return true;
}

bool Push::is_too_late(const Packet& packet) const {
  const auto newest = source_->rtp()->newest();
  return newest && newest->info.capture_time - packet.info.capture_time > most_lag;
}

void Push::skip_to_keyframe() {
  {
    MutexLock lock(mutex_);
    ++status_.frames_dropped;
  }
  cursor_->skip_to_keyframe();
  source_->rtp()->request_keyframe();
}

void Push::count_sent(const Packet& packet) {
  const Timestamp now = loop_.now();
  auto rest = packet.body.bytes();
  for (auto one = rtp::next_packet(rest); !one.empty(); one = rtp::next_packet(rest)) {
    ++packets_sent_;
    octets_sent_ += static_cast<uint32_t>(one.size() - rtp::header_bytes);
  }
  const bool is_first = !last_sent_;
  last_sent_ = packet.info;
  last_sent_at_ = now;
  if (is_first) retry_.pictures_began(now);
  set_state(PushState::streaming);
  {
    MutexLock lock(mutex_);
    ++status_.frames_sent;
    status_.bytes_sent += packet.body.size();
    if (is_first) ++status_.connections;
  }
  if (!is_first) return;
  logged_error_.clear();
  parts_.log.info(subject(), "camera {} is sent to {}", camera_, options_.target.redacted);
}

// What was sent stands in the report, so the report stands behind it.
void Push::send_sender_report() {
  next_report_ = loop_.now() + report_interval;
  const auto report = rtp::serialize_sender_report({.ssrc = source_->ssrc(),
                                                    .wall_us = last_sent_->capture_wall.count(),
                                                    .rtp_timestamp = source_->rtp_time(last_sent_->capture_time),
                                                    .packet_count = packets_sent_,
                                                    .octet_count = octets_sent_},
                                                   "camweave");
  std::string framed{'$', '\x01', static_cast<char>(report.size() >> 8), static_cast<char>(report.size() & 0xff)};
  framed.append(reinterpret_cast<const char*>(report.data()), report.size());
  stream_->send_control(framed);
}

void Push::check_pictures(Timestamp now) {
  std::chrono::nanoseconds silence = longest_silence;
  if (rendition_.fps_milli) silence = std::max<std::chrono::nanoseconds>(silence, 10'000s / rendition_.fps_milli);
  if (now - last_sent_at_ <= silence) return;
  if (stream_->idle() && !frame_) set_state(PushState::waiting_for_camera);
  next_keep_alive_ = std::min(next_keep_alive_, now + silent_keep_alive);
}

}  // namespace camweave
