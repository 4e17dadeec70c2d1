#include "sink/rtp/rtsp_source.h"

#include <openssl/rand.h>

#include <algorithm>

namespace camweave {
namespace {

// RFC 3550 wants SSRC, first sequence number and time offset unpredictable.
template <typename T>
T random_number() {
  T value{};
  RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value);
  return value;
}

}  // namespace

std::shared_ptr<RtspSource> RtspSource::start(IoLoop& home, std::shared_ptr<Stream> media) {
  // Whoever lets go last, the end comes on the home loop, where the subscription lives.
  std::shared_ptr<RtspSource> source(new RtspSource(home, std::move(media)), [](RtspSource* ended) {
    if (ended->home_.is_current_thread()) {
      delete ended;
    } else {
      ended->home_.post([owned = std::shared_ptr<RtspSource>(ended)] {});
    }
  });
  home.post([source] { source->begin(); });
  return source;
}

RtspSource::RtspSource(IoLoop& home, std::shared_ptr<Stream> media)
    : home_(home),
      media_(std::move(media)),
      ssrc_(random_number<uint32_t>()),
      time_offset_(random_number<uint32_t>()),
      cursor_(media_, PacketCursor::Begin::gop),
      packetizer_({.codec = media_->rendition().codec, .ssrc = ssrc_, .first_sequence = random_number<uint16_t>()}) {
  Stream::Options options{.camera_id = media_->camera_id(), .rendition = media_->rendition(), .memory = media_->memory()};
  options.request_keyframe = [media = media_] { media->request_keyframe(); };
  rtp_ = std::make_shared<Stream>(std::move(options));
}

void RtspSource::begin() {
  subscription_ = home_.dispatcher().subscribe(media_, *this);
  on_packet();
}

uint32_t RtspSource::rtp_time(Timestamp capture_time) const {
  // 90 kHz: 9 ticks in 100 µs. Microseconds first, so that the product stays in 64 bits for as long as a machine runs.
  const int64_t ticks = to_nanoseconds(capture_time) / 1000 * 9 / 100;
  return static_cast<uint32_t>(ticks) + time_offset_;
}

void RtspSource::on_packet() {
  for (;;) {
    auto next = cursor_.next();
    if (next.closed) {
      const std::string reason = media_->close_reason().value_or("the stream has ended");
      settle(Error{ErrorCode::unavailable, reason});
      rtp_->close(reason);
      return;
    }
    if (!next.packet) return;
    publish(next.packet);
  }
}

void RtspSource::publish(const PacketPtr& packet) {
  buffer_.clear();
  const uint16_t first_sequence = packetizer_.next_sequence();
  const auto made = packetizer_.packetize(packet->body.bytes(), rtp_time(packet->info.capture_time), buffer_);
  if (!made) return settle(made.error());
  learn(*packet);
  const iovec piece{buffer_.data(), buffer_.size()};
  auto body = media_->memory()->store(std::span(&piece, 1));
  if (!body) return;  // memory is short: a gap in the sequence numbers tells the readers
  auto frame = std::make_shared<RtpFrame>();
  frame->info = packet->info;
  frame->body = std::move(*body);
  frame->packet_count = static_cast<uint32_t>(*made);
  frame->payload_octets = static_cast<uint32_t>(buffer_.size() - *made * (rtp::interleaved_header_bytes + rtp::header_bytes));
  frame->first_sequence = first_sequence;
  rtp_->publish(std::move(frame));
}

void RtspSource::learn(const Packet& packet) {
  if (!packet.info.keyframe) return;
  RtspDescription description;
  description.codec = packet.info.codec;
  description.payload_type = packetizer_.payload_type();
  description.size = packet.info.size;
  description.fps_milli = media_->rendition().fps_milli;
  if (packet.info.codec != Codec::jpeg) {
    auto sets = sdp::find_parameter_sets(packet.info.codec, packet.body.bytes());
    if (!sets) return;
    description.sets = std::move(*sets);
  }
  settle(description);
}

void RtspSource::settle(Result<RtspDescription> result) {
  std::vector<std::function<void(Result<RtspDescription>)>> waiting;
  {
    MutexLock lock(mutex_);
    if (result.ok() || !description_) description_ = result;
    waiting.swap(waiting_);
  }
  for (auto& done : waiting) done(result);
}

void RtspSource::describe(std::function<void(Result<RtspDescription>)> done) {
  std::optional<Result<RtspDescription>> known;
  {
    MutexLock lock(mutex_);
    known = description_;
    if (!known) waiting_.push_back(std::move(done));
  }
  if (known) done(*known);
}

Rendition encoded_for_rtp(Rendition wanted, Size camera_size) {
  constexpr int most = 2040;  // pixels either way: RFC 2435 counts blocks of 8 in a byte
  const Size size = wanted.size.empty() ? camera_size : wanted.size;
  if (!wanted.quality) wanted.quality = default_jpeg_quality;
  if (size.empty()) return wanted;
  const double scale = std::min({1.0, double{most} / size.width, double{most} / size.height});
  const auto blocks = [&](int length) { return std::max(static_cast<int>(length * scale) / 8 * 8, 8); };
  wanted.size = {blocks(size.width), blocks(size.height)};
  return wanted;
}

std::shared_ptr<RtspSource> RtspSources::of(const std::shared_ptr<Stream>& media) {
  MutexLock lock(mutex_);
  std::erase_if(sources_, [](const auto& entry) { return entry.second.expired(); });
  for (const auto& [stream, source] : sources_) {
    if (stream != media.get()) continue;
    if (auto alive = source.lock()) return alive;
  }
  auto source = RtspSource::start(loops_.at(0), media);
  sources_.emplace_back(media.get(), source);
  return source;
}

}  // namespace camweave
