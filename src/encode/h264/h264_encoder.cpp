#include "encode/h264/h264_encoder.h"

#include <fmt/format.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
}

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "encode/picture/picture_converter.h"

namespace camweave {
namespace {

constexpr int default_fps_milli = 30'000;
constexpr std::chrono::milliseconds keyframe_interval{1990};  // two seconds, a frame's jitter allowed
constexpr AVRational clock_90khz{1, 90'000};

struct FreeCodec {
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
};
struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
using CodecOwner = std::unique_ptr<AVCodecContext, FreeCodec>;

std::string words(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

struct Candidate {
  const char* name;             // FFmpeg's
  const char* needs;            // a file that must be there, "" for none
  void (*configure)(AVCodecContext& context);
};

void configure_x264(AVCodecContext& context) {
  av_opt_set(context.priv_data, "preset", "superfast", 0);
  av_opt_set(context.priv_data, "tune", "zerolatency", 0);
  av_opt_set(context.priv_data, "forced-idr", "1", 0);
  av_opt_set(context.priv_data, "x264-params", "scenecut=0", 0);
  context.thread_count = 2;  // sliced: a third less latency (performance.md)
  context.thread_type = FF_THREAD_SLICE;
}

void configure_v4l2m2m(AVCodecContext& context) { context.thread_count = 1; }

constexpr std::array candidates{
    Candidate{"h264_v4l2m2m", "/dev/video11", configure_v4l2m2m},  // the Pi 4's encoder is always this node
    Candidate{"libx264", "", configure_x264},
};

void set_rate(AVCodecContext& context, int bitrate_kbps) {
  context.bit_rate = int64_t{bitrate_kbps} * 1000;
  context.rc_max_rate = context.bit_rate;
  context.rc_buffer_size = static_cast<int>(context.bit_rate / 2);
}

Result<CodecOwner> open(const Candidate& candidate, Size size, const Rendition& rendition) {
  if (*candidate.needs && ::access(candidate.needs, R_OK | W_OK) != 0) {
    return Error{ErrorCode::unsupported, fmt::format("{}: no {}", candidate.name, candidate.needs)};
  }
  const AVCodec* codec = avcodec_find_encoder_by_name(candidate.name);
  if (!codec) return Error{ErrorCode::unsupported, fmt::format("{}: FFmpeg was built without it", candidate.name)};
  CodecOwner context(avcodec_alloc_context3(codec));
  if (!context) return Error{ErrorCode::exhausted, "no memory for an encoder"};
  const int fps_milli = rendition.fps_milli ? rendition.fps_milli : default_fps_milli;
  context->width = size.width;
  context->height = size.height;
  context->pix_fmt = AV_PIX_FMT_YUV420P;
  context->color_range = AVCOL_RANGE_JPEG;
  context->colorspace = AVCOL_SPC_SMPTE170M;  // what libyuv and JPEG use
  context->color_primaries = AVCOL_PRI_BT709;
  context->color_trc = AVCOL_TRC_IEC61966_2_1;
  context->time_base = clock_90khz;
  context->framerate = {fps_milli, 1000};
  context->gop_size = std::max(10, fps_milli / 100);  // ten seconds: ours come before, by the frames' own times
  context->max_b_frames = 0;
  set_rate(*context, rendition.bitrate_kbps ? rendition.bitrate_kbps : default_bitrate_kbps(size, fps_milli));
  context->log_level_offset = AV_LOG_ERROR;  // the library's chatter is not for the operator: errors are
  candidate.configure(*context);
  if (const int code = avcodec_open2(context.get(), codec, nullptr); code < 0) {
    return Error{ErrorCode::unsupported, fmt::format("{}: {}", candidate.name, words(code))};
  }
  return context;
}

class H264Encoder final : public Encoder {
 public:
  H264Encoder(const Rendition& rendition, CodecOwner context, const char* name)
      : converter_(rendition.size, rendition.rotation),
        context_(std::move(context)),
        frame_(av_frame_alloc()),
        packet_(av_packet_alloc()),
        name_(name) {}

  Result<EncodedPicture> encode(const Frame& frame, std::span<std::byte> out) override;
  void request_keyframe() override { keyframe_requested_ = true; }
  Result<void> set_bitrate(int bitrate_kbps) override {
    if (bitrate_kbps > 0) set_rate(*context_, bitrate_kbps);
    return {};
  }
  const char* name() const override { return name_; }

 private:
  Result<void> give(const PicturePlanes& planes, Timestamp capture_time);
  Result<EncodedPicture> take(std::span<std::byte> out);
  void fill_grey_chroma(Size size);

  PictureConverter converter_;
  const CodecOwner context_;
  const std::unique_ptr<AVFrame, FreeFrame> frame_;
  const std::unique_ptr<AVPacket, FreePacket> packet_;
  const char* const name_;
  std::vector<uint8_t> grey_chroma_;
  Timestamp last_keyframe_{};
  int64_t last_pts_ = 0;
  bool keyframe_requested_ = true;
};

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
  frame_->buf[0] = av_buffer_create(frame_->data[0], 1, [](void*, uint8_t*) {}, nullptr, AV_BUFFER_FLAG_READONLY);
  const bool due = capture_time - last_keyframe_ >= keyframe_interval;
  const bool keyframe = std::exchange(keyframe_requested_, false) || due;
  if (keyframe) last_keyframe_ = capture_time;
  frame_->pict_type = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  const int code = avcodec_send_frame(context_.get(), frame_.get());
  av_buffer_unref(&frame_->buf[0]);
  if (code < 0) return Error{ErrorCode::io, fmt::format("{}: {}", name_, words(code))};
  return {};
}

Result<EncodedPicture> H264Encoder::take(std::span<std::byte> out) {
  const int code = avcodec_receive_packet(context_.get(), packet_.get());
  if (code == AVERROR(EAGAIN)) return EncodedPicture{};
  if (code < 0) return Error{ErrorCode::io, fmt::format("{}: {}", name_, words(code))};
  const auto size = static_cast<size_t>(packet_->size);
  const bool fits = size <= out.size();
  if (fits) std::memcpy(out.data(), packet_->data, size);
  const bool keyframe = (packet_->flags & AV_PKT_FLAG_KEY) != 0;
  av_packet_unref(packet_.get());
  if (!fits) return Error{ErrorCode::exhausted, fmt::format("{}: an access unit of {} bytes", name_, size)};
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
  // The size is known once a picture went through the converter.
  PictureConverter probe(rendition.size, rendition.rotation);
  const auto planes = probe.convert(first_frame);
  if (!planes) return planes.error();
  const Size size{planes->size().width & ~1, planes->size().height & ~1};  // 4:2:0 needs even ones: a row or column is cut off
  if (size.empty()) return Error{ErrorCode::unsupported, "a picture of one pixel can't be H.264"};
  std::string tried;
  for (const Candidate& candidate : candidates) {
    auto context = open(candidate, size, rendition);
    if (context) {
      return std::unique_ptr<Encoder>(std::make_unique<H264Encoder>(rendition, std::move(*context), candidate.name));
    }
    tried += (tried.empty() ? "" : "; ") + context.error().message;
  }
  return Error{ErrorCode::unsupported, "no H.264 encoder: " + tried};
}

}  // namespace camweave
