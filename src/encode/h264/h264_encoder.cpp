#include "encode/h264/h264_encoder.h"

#include <fmt/format.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
}

#include <libyuv.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "encode/h264/open_encoder.h"
#include "encode/picture/picture_converter.h"

namespace camweave {
namespace {

constexpr int default_fps_milli = 30'000;
constexpr std::chrono::milliseconds keyframe_interval{1990};  // two seconds, a frame's jitter allowed

struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
using FrameOwner = std::unique_ptr<AVFrame, FreeFrame>;

class H264Encoder final : public Encoder {
 public:
  H264Encoder(const Rendition& rendition, const H264Settings& settings, const H264Devices& devices,
              const H264Candidate& kind, CodecOwner context)
      : converter_(rendition.size, rendition.rotation),
        kind_(kind),
        devices_(devices),
        settings_(settings),
        context_(std::move(context)),
        frame_(av_frame_alloc()),
        packet_(av_packet_alloc()) {}

  Result<EncodedPicture> encode(const Frame& frame, std::span<std::byte> out) override;
  void request_keyframe() override { keyframe_requested_ = true; }
  Result<void> set_bitrate(int bitrate_kbps) override;
  const char* name() const override { return kind_.name; }

 private:
  Result<void> give(const PicturePlanes& planes, Timestamp capture_time);
  Result<AVFrame*> on_device();
  Result<EncodedPicture> take(std::span<std::byte> out);
  void fill_grey_chroma(Size size);
  Error failed(int code) const { return {ErrorCode::io, fmt::format("{}: {}", kind_.name, libav_words(code))}; }

  PictureConverter converter_;
  const H264Candidate& kind_;
  const H264Devices devices_;
  H264Settings settings_;
  CodecOwner context_;
  const FrameOwner frame_;
  const std::unique_ptr<AVPacket, FreePacket> packet_;
  FrameOwner nv12_, device_frame_;  // of an encoder that takes its pictures from its device
  std::vector<uint8_t> grey_chroma_;
  Timestamp last_keyframe_{};
  int64_t last_pts_ = 0;
  bool keyframe_requested_ = true;
};

Result<void> H264Encoder::set_bitrate(int bitrate_kbps) {
  if (bitrate_kbps <= 0) bitrate_kbps = default_bitrate_kbps(settings_.size, settings_.fps_milli);
  H264Settings wanted = settings_;
  wanted.bitrate_kbps = bitrate_kbps;
  if (kind_.changes_bitrate) {
    set_rate(*context_, bitrate_kbps);
  } else {
    auto again = kind_.open(wanted, devices_);
    if (!again) return again.error();
    context_ = *std::move(again);
    keyframe_requested_ = true;
  }
  settings_ = wanted;
  return {};
}

// frame_ in the device's memory.
Result<AVFrame*> H264Encoder::on_device() {
  if (!nv12_) {
    nv12_.reset(av_frame_alloc());
    device_frame_.reset(av_frame_alloc());
    if (!nv12_ || !device_frame_) return Error{ErrorCode::exhausted, "no memory for a picture"};
    nv12_->format = AV_PIX_FMT_NV12;
    nv12_->width = context_->width;
    nv12_->height = context_->height;
    if (const int code = av_frame_get_buffer(nv12_.get(), 0); code < 0) return failed(code);
  }
  libyuv::I420ToNV12(frame_->data[0], frame_->linesize[0], frame_->data[1], frame_->linesize[1], frame_->data[2],
                     frame_->linesize[2], nv12_->data[0], nv12_->linesize[0], nv12_->data[1], nv12_->linesize[1],
                     context_->width, context_->height);
  av_frame_unref(device_frame_.get());
  int code = av_hwframe_get_buffer(context_->hw_frames_ctx, device_frame_.get(), 0);
  if (code >= 0) code = av_hwframe_transfer_data(device_frame_.get(), nv12_.get(), 0);
  if (code < 0) return failed(code);
  device_frame_->pts = frame_->pts;
  device_frame_->pict_type = frame_->pict_type;
  return device_frame_.get();
}

// The planes stay the converter's: wrapped in a buffer that frees nothing, so that the library doesn't copy them.
Result<void> H264Encoder::give(const PicturePlanes& planes, Timestamp capture_time) {
  frame_->format = AV_PIX_FMT_YUV420P;
  frame_->width = context_->width;
  frame_->height = context_->height;
  frame_->color_range = context_->color_range;
  // Times must rise; a camera's can stand still or step back when it is reset.
  frame_->pts = std::max(last_pts_ + 1, to_nanoseconds(capture_time) / 1000 * 9 / 100);
  last_pts_ = frame_->pts;
  const std::array<PlaneView, 3> views{planes.y, planes.u, planes.v};
  for (size_t i = 0; i < views.size(); ++i) {
    const bool grey = planes.grey() && i > 0;
    frame_->data[i] = grey ? grey_chroma_.data() : const_cast<uint8_t*>(views[i].data);
    frame_->linesize[i] = grey ? (context_->width + 1) / 2 : views[i].stride;
  }
  frame_->buf[0] = av_buffer_create(
      frame_->data[0], 1, [](void*, uint8_t*) {}, nullptr, AV_BUFFER_FLAG_READONLY);
  const bool due = capture_time - last_keyframe_ >= keyframe_interval;
  const bool keyframe = std::exchange(keyframe_requested_, false) || due;
  if (keyframe) last_keyframe_ = capture_time;
  frame_->pict_type = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  const auto picture = context_->hw_frames_ctx ? on_device() : Result<AVFrame*>(frame_.get());
  const int code = picture ? avcodec_send_frame(context_.get(), *picture) : 0;
  av_buffer_unref(&frame_->buf[0]);
  if (!picture) return picture.error();
  if (code < 0) return failed(code);
  return {};
}

Result<EncodedPicture> H264Encoder::take(std::span<std::byte> out) {
  const int code = avcodec_receive_packet(context_.get(), packet_.get());
  if (code == AVERROR(EAGAIN)) return EncodedPicture{};
  if (code < 0) return failed(code);
  const auto size = static_cast<size_t>(packet_->size);
  const bool fits = size <= out.size();
  if (fits) std::memcpy(out.data(), packet_->data, size);
  const bool keyframe = (packet_->flags & AV_PKT_FLAG_KEY) != 0;
  av_packet_unref(packet_.get());
  if (!fits) return Error{ErrorCode::exhausted, fmt::format("{}: an access unit of {} bytes", kind_.name, size)};
  return EncodedPicture{size, keyframe, {context_->width, context_->height}};
}

void H264Encoder::fill_grey_chroma(Size size) {
  grey_chroma_.resize(static_cast<size_t>((size.width + 1) / 2) * static_cast<size_t>((size.height + 1) / 2), 128);
}

Result<EncodedPicture> H264Encoder::encode(const Frame& frame, std::span<std::byte> out) {
  const auto planes = converter_.convert(frame);
  if (!planes) return planes.error();
  if (planes->size().width < context_->width || planes->size().height < context_->height) {
    return Error{ErrorCode::invalid_argument, "the picture became smaller than the stream"};
  }
  if (planes->grey()) fill_grey_chroma(planes->size());
  if (auto given = give(*planes, frame.capture_time); !given) return given.error();
  return take(out);
}

}  // namespace

int default_bitrate_kbps(Size size, int fps_milli) {
  const double bits = 0.1 * size.width * size.height * fps_milli / 1000.0;
  return std::clamp(static_cast<int>(bits / 1000), 200, 20'000);
}

Result<std::unique_ptr<Encoder>> make_h264_encoder(const Rendition& rendition, const Frame& first_frame) {
  return make_h264_encoder(rendition, first_frame, H264Devices{});
}

namespace {

// The libraries' words about hardware that isn't there are no news to anybody.
class QuietLibraries {
 public:
  QuietLibraries() { av_log_set_level(AV_LOG_QUIET); }
  ~QuietLibraries() { av_log_set_level(before_); }
  QuietLibraries(const QuietLibraries&) = delete;
  QuietLibraries& operator=(const QuietLibraries&) = delete;

 private:
  const int before_ = av_log_get_level();
};

// Hardware that opens and then refuses a picture is no encoder: it is shown the first one before it is chosen.
Result<void> try_once(const H264Candidate& kind, const Rendition& rendition, const H264Settings& settings,
                      const H264Devices& devices, const Frame& picture) {
  const QuietLibraries quiet;
  auto context = kind.open(settings, devices);
  if (!context) return context.error();
  H264Encoder encoder(rendition, settings, devices, kind, *std::move(context));
  std::vector<std::byte> out(size_t{1} << 20);
  out.resize(std::max(out.size(), static_cast<size_t>(settings.size.width) * settings.size.height * 2));
  const auto encoded = encoder.encode(picture, out);
  return encoded ? Result<void>() : encoded.error();
}

}  // namespace

Result<std::unique_ptr<Encoder>> make_h264_encoder(const Rendition& rendition, const Frame& first_frame,
                                                   const H264Devices& devices) {
  // The size is known once a picture went through the converter.
  PictureConverter probe(rendition.size, rendition.rotation);
  const auto planes = probe.convert(first_frame);
  if (!planes) return planes.error();
  H264Settings settings;
  // 4:2:0 needs even ones: a row or column is cut off
  settings.size = {planes->size().width & ~1, planes->size().height & ~1};
  if (settings.size.empty()) return Error{ErrorCode::unsupported, "a picture of one pixel can't be H.264"};
  settings.fps_milli = rendition.fps_milli ? rendition.fps_milli : default_fps_milli;
  settings.bitrate_kbps =
      rendition.bitrate_kbps ? rendition.bitrate_kbps : default_bitrate_kbps(settings.size, settings.fps_milli);
  std::string tried;
  for (size_t i = 0; i < h264_candidate_count; ++i) {
    const H264Candidate& kind = h264_candidate(i);
    const bool is_last = i + 1 == h264_candidate_count;
    const Result<void> works = is_last ? Result<void>() : try_once(kind, rendition, settings, devices, first_frame);
    auto context = works ? kind.open(settings, devices) : Result<CodecOwner>(works.error());
    if (context) {
      return std::unique_ptr<Encoder>(
          std::make_unique<H264Encoder>(rendition, settings, devices, kind, *std::move(context)));
    }
    tried += (tried.empty() ? "" : "; ") + context.error().message;
  }
  return Error{ErrorCode::unsupported, "no H.264 encoder: " + tried};
}

}  // namespace camweave
