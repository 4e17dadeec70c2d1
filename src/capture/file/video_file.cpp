// A video file: MJPEG is passed through, and so are H.264 and H.265 whose pictures come in the order they are shown;
// all else is decoded on demand.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "capture/coded_frame.h"
#include "capture/decode/annexb_filter.h"
#include "capture/decode/media_input.h"
#include "capture/decode/on_demand_decoder.h"
#include "capture/file/picture_source.h"
#include "capture/jpeg_frame.h"

namespace camweave::file {
namespace {

using std::chrono::nanoseconds;

class VideoFile final : public PictureSource {
 public:
  VideoFile(MediaAddress address, MediaInput input, std::optional<AnnexBFilter> units,
            std::optional<OnDemandDecoder> decoder)
      : address_(std::move(address)),
        input_(std::move(input)),
        units_(std::move(units)),
        decoder_(std::move(decoder)),
        packet_(av_packet_alloc()) {}

  ipc::Mode mode() const override {
    const AVCodecParameters& video = *input_.video().codecpar;
    const PixelFormat own = units_ ? *AnnexBFilter::format_of(video) : PixelFormat::jpeg;
    return {decoder_ ? PixelFormat::i420 : own, {video.width, video.height}, input_.fps_milli()};
  }
  nanoseconds picture_length() const override { return input_.picture_length(); }
  Result<std::optional<TimedPicture>> next(bool pixels_wanted) override;
  Result<void> rewind() override;
  uint64_t take_damaged() override { return std::exchange(damaged_, 0); }

 private:
  Result<bool> read(bool pixels_wanted);
  void take_jpeg(bool pixels_wanted);
  void take_unit(const AVPacket& unit);
  void take_coded(bool pixels_wanted);
  void take_decoded(VideoDecoder::Picture picture);
  void end_pass();
  nanoseconds time_of(int64_t ticks, std::optional<int64_t>& first);
  void put(TimedPicture picture);

  const MediaAddress address_;
  MediaInput input_;
  std::optional<AnnexBFilter> units_;       // passed through
  std::optional<OnDemandDecoder> decoder_;  // neither: JPEGs are passed through
  libav::PacketOwner packet_;
  std::deque<TimedPicture> ready_;
  std::optional<int64_t> first_pts_, first_dts_;  // of this pass
  nanoseconds last_time_{-1};                     // of the newest picture of this pass
  uint64_t pictures_ = 0;                         // in this pass
  uint64_t damaged_ = 0;
  bool at_end_ = false;
  std::string last_damage_;
};

nanoseconds VideoFile::time_of(int64_t ticks, std::optional<int64_t>& first) {
  if (ticks == AV_NOPTS_VALUE) return last_time_ + picture_length();  // raw streams: by the frame rate alone
  if (!first) first = ticks;
  const AVRational nanosecond{1, 1'000'000'000};
  return nanoseconds(av_rescale_q(ticks - *first, input_.video().time_base, nanosecond));
}

// Times only rise: what a decoder gives from before a pause, or a broken time stamp, is left out.
void VideoFile::put(TimedPicture picture) {
  if (picture.time <= last_time_) return;
  last_time_ = picture.time;
  ++pictures_;
  ready_.push_back(std::move(picture));
}

Result<std::optional<TimedPicture>> VideoFile::next(bool pixels_wanted) {
  while (ready_.empty()) {
    if (at_end_) {
      if (pictures_ > 0) return std::optional<TimedPicture>();
      return Error{ErrorCode::protocol, address_.shown + ": no picture in it could be decoded" +
                                            (last_damage_.empty() ? "" : ": " + last_damage_)};
    }
    auto got = read(pixels_wanted);
    if (!got) {
      // Damage in the middle of a file is its end; before the first picture it is an error.
      if (pictures_ == 0) return got.error();
      ++damaged_;
    }
    if (!got || !*got) end_pass();
  }
  std::optional<TimedPicture> picture(std::move(ready_.front()));
  ready_.pop_front();
  return picture;
}

Result<bool> VideoFile::read(bool pixels_wanted) {
  auto got = input_.read(*packet_);
  if (!got || !*got) return got;
  if (!first_pts_ && packet_->pts != AV_NOPTS_VALUE) first_pts_ = packet_->pts;
  if (decoder_) {
    take_coded(pixels_wanted);
  } else if (units_) {
    if (auto taken = units_->push(*packet_, [this](const AVPacket& unit) { take_unit(unit); }); !taken) {
      ++damaged_;
      last_damage_ = taken.error().message;
    }
  } else {
    take_jpeg(pixels_wanted);
  }
  return true;
}

void VideoFile::take_jpeg(bool pixels_wanted) {
  TimedPicture picture;
  picture.time = time_of(packet_->pts != AV_NOPTS_VALUE ? packet_->pts : packet_->dts, first_pts_);
  if (pixels_wanted) {
    const auto* bytes = reinterpret_cast<const std::byte*>(packet_->data);
    const std::shared_ptr<AVPacket> kept(av_packet_clone(packet_.get()), libav::FreePacket());
    auto frame = make_jpeg_frame({bytes, static_cast<size_t>(packet_->size)}, kept);
    if (!frame) {
      ++damaged_;
      last_damage_ = frame.error().message;
      return;
    }
    picture.frame = *std::move(frame);
  }
  put(std::move(picture));
}

void VideoFile::take_unit(const AVPacket& unit) {
  const AVCodecParameters& video = *input_.video().codecpar;
  TimedPicture picture;
  picture.time = time_of(unit.pts != AV_NOPTS_VALUE ? unit.pts : unit.dts, first_pts_);
  // None may be left out, whatever its time stamp is: the next ones need it.
  picture.time = std::max(picture.time, last_time_ + nanoseconds(1));
  const auto* bytes = reinterpret_cast<const std::byte*>(unit.data);
  picture.frame = make_coded_frame(*AnnexBFilter::format_of(video), {bytes, static_cast<size_t>(unit.size)},
                                   {video.width, video.height}, (unit.flags & AV_PKT_FLAG_KEY) != 0, {});
  put(std::move(picture));
}

void VideoFile::take_coded(bool pixels_wanted) {
  const auto decoded =
      decoder_->push(*packet_, pixels_wanted, [&](VideoDecoder::Picture picture) { take_decoded(std::move(picture)); });
  if (!decoded) {
    ++damaged_;
    last_damage_ = decoded.error().message;
  }
  if (pixels_wanted) return;
  // Packets come in decoding order, whose times rise as those of the pictures do.
  TimedPicture counted;
  counted.time = time_of(packet_->dts != AV_NOPTS_VALUE ? packet_->dts : packet_->pts, first_dts_);
  put(std::move(counted));
}

void VideoFile::take_decoded(VideoDecoder::Picture picture) {
  TimedPicture timed;
  timed.time = time_of(picture.pts, first_pts_);
  timed.frame = std::move(picture.frame);
  put(std::move(timed));
}

void VideoFile::end_pass() {
  at_end_ = true;
  if (!decoder_) return;
  const auto drained = decoder_->drain([&](VideoDecoder::Picture picture) { take_decoded(std::move(picture)); });
  if (!drained) ++damaged_;
}

Result<void> VideoFile::rewind() {
  if (!input_.rewind()) {
    auto again = MediaInput::open(address_);
    if (!again) return again.error();
    input_ = *std::move(again);
  }
  if (decoder_) decoder_->reset();
  if (units_) units_->flush();
  ready_.clear();
  first_pts_.reset();
  first_dts_.reset();
  last_time_ = nanoseconds(-1);
  pictures_ = 0;
  at_end_ = false;
  return {};
}

}  // namespace

Result<std::unique_ptr<PictureSource>> open_video(const std::string& path, const std::string& shown) {
  // "file:" in front, so that no name is taken for an address of another protocol.
  MediaAddress address{.url = "file:" + path, .shown = shown, .options = {}};
  auto input = MediaInput::open(address);
  if (!input) return input.error();
  const AVCodecParameters& video = *input->video().codecpar;
  if (video.width <= 0 || video.height <= 0) return Error{ErrorCode::protocol, shown + ": a video without a size"};
  std::optional<OnDemandDecoder> decoder;
  std::optional<AnnexBFilter> units;
  if (AnnexBFilter::format_of(video)) {
    auto made = AnnexBFilter::create(input->video());
    if (!made) return Error{made.error().code, shown + ": " + made.error().message};
    units.emplace(*std::move(made));
  } else if (video.codec_id != AV_CODEC_ID_MJPEG) {
    auto made = VideoDecoder::create(video, DecodeDelay::smooth);
    if (!made) return Error{made.error().code, shown + ": " + made.error().message};
    decoder.emplace(*std::move(made));
  }
  return std::unique_ptr<PictureSource>(
      std::make_unique<VideoFile>(std::move(address), *std::move(input), std::move(units), std::move(decoder)));
}

}  // namespace camweave::file
