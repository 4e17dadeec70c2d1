// RTSP by libavformat: TCP first. MJPEG passes through, and so do H.264 and H.265 whose pictures come in the order they
// are shown; all else is decoded.
#include "capture/coded_frame.h"
#include "capture/decode/annexb_filter.h"
#include "capture/decode/media_input.h"
#include "capture/decode/on_demand_decoder.h"
#include "capture/stream/jpeg_intake.h"

namespace camweave::stream_driver {
namespace {

class RtspFeed final : public Feed {
 public:
  RtspFeed(MediaInput input, std::optional<AnnexBFilter> units, std::optional<OnDemandDecoder> decoder,
           std::string shown, const Clock& clock)
      : input_(std::move(input)),
        units_(std::move(units)),
        decoder_(std::move(decoder)),
        shown_(std::move(shown)),
        clock_(clock),
        intake_(clock),
        packet_(av_packet_alloc()) {}

  void watch(const StopSignal* stop) override { input_.watch(stop); }
  uint64_t take_damaged() override { return intake_.take_damaged() + std::exchange(damaged_, 0); }
  int fps_milli() const override { return input_.fps_milli(); }
  Result<void> receive(bool pixels_wanted, const Pictures& pictures) override;

 private:
  void pass(const AVPacket& unit, const Pictures& pictures);

  MediaInput input_;
  std::optional<AnnexBFilter> units_;       // passed through
  std::optional<OnDemandDecoder> decoder_;  // neither: JPEGs
  const std::string shown_;
  const Clock& clock_;
  JpegIntake intake_;
  libav::PacketOwner packet_;
  Timestamp last_time_{};
  bool has_begun_ = false;  // a keyframe came
  uint64_t damaged_ = 0;
};

void RtspFeed::pass(const AVPacket& unit, const Pictures& pictures) {
  const bool is_keyframe = (unit.flags & AV_PKT_FLAG_KEY) != 0;
  has_begun_ = has_begun_ || is_keyframe;
  if (!has_begun_) return;
  const AVCodecParameters& video = *input_.video().codecpar;
  last_time_ = std::max(last_time_, clock_.now());
  const std::span bytes(reinterpret_cast<const std::byte*>(unit.data), static_cast<size_t>(unit.size));
  pictures(FeedPicture{
      last_time_,
      make_coded_frame(*AnnexBFilter::format_of(video), bytes, {video.width, video.height}, is_keyframe, last_time_),
      {}});
}

Result<void> RtspFeed::receive(bool pixels_wanted, const Pictures& pictures) {
  auto got = input_.read(*packet_);
  if (!got) return got.error();
  if (!*got) return Error{ErrorCode::unavailable, shown_ + ": the camera ended its stream"};
  const std::span bytes(reinterpret_cast<const std::byte*>(packet_->data), static_cast<size_t>(packet_->size));
  if (units_) {
    if (!units_->push(*packet_, [&](const AVPacket& unit) { pass(unit, pictures); })) ++damaged_;
    return {};
  }
  if (!decoder_) {
    intake_.take(bytes, UnixMicroseconds(0), {}, pixels_wanted, pictures);
    return {};
  }
  packet_->pts = packet_->dts = to_nanoseconds(clock_.now());
  const auto decoded = decoder_->push(*packet_, pixels_wanted, [&](VideoDecoder::Picture picture) {
    last_time_ = std::max(last_time_, picture.pts == AV_NOPTS_VALUE ? clock_.now() : from_nanoseconds(picture.pts));
    picture.frame.capture_time = last_time_;
    pictures(FeedPicture{last_time_, std::move(picture.frame), {}});
  });
  if (!decoded) ++damaged_;
  if (!pixels_wanted) pictures(FeedPicture{last_time_ = clock_.now(), std::nullopt, {}});
  return {};
}

}  // namespace

Result<std::unique_ptr<Feed>> open_rtsp_feed(const SourceUri& source, const Clock& clock) {
  MediaAddress address{.url = source.rest,
                       .shown = source.redacted,
                       .options = {{"rtsp_flags", "prefer_tcp"},
                                   {"allowed_media_types", "video"},
                                   {"fflags", "nobuffer"},
                                   {"analyzeduration", "2000000"},
                                   {"probesize", "1000000"}},
                       .patience = network_patience};
  auto input = MediaInput::open(address);
  if (!input) return input.error();
  const AVCodecParameters& video = *input->video().codecpar;
  std::optional<OnDemandDecoder> decoder;
  std::optional<AnnexBFilter> units;
  if (AnnexBFilter::format_of(video) && video.width > 0 && video.height > 0) {
    auto made = AnnexBFilter::create(input->video());
    if (!made) return Error{made.error().code, source.redacted + ": " + made.error().message};
    units.emplace(*std::move(made));
  } else if (video.codec_id != AV_CODEC_ID_MJPEG) {
    auto made = VideoDecoder::create(video, DecodeDelay::low);
    if (!made) return Error{made.error().code, source.redacted + ": " + made.error().message};
    decoder.emplace(*std::move(made));
  }
  return std::unique_ptr<Feed>(
      std::make_unique<RtspFeed>(*std::move(input), std::move(units), std::move(decoder), source.redacted, clock));
}

}  // namespace camweave::stream_driver
