#include "encode/h264/open_encoder.h"

#include <fmt/format.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <libavutil/opt.h>
}

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

namespace camweave {
namespace {

constexpr AVRational clock_90khz{1, 90'000};
constexpr int frames_on_device = 8;

struct FreeBuffer {
  void operator()(AVBufferRef* buffer) const { av_buffer_unref(&buffer); }
};
using BufferOwner = std::unique_ptr<AVBufferRef, FreeBuffer>;

Error unsupported(const char* name, const std::string& why) {
  return {ErrorCode::unsupported, fmt::format("{}: {}", name, why)};
}

// Everything that all of them share.
Result<CodecOwner> new_context(const char* name, const H264Settings& settings) {
  const AVCodec* codec = avcodec_find_encoder_by_name(name);
  if (!codec) return unsupported(name, "FFmpeg was built without it");
  CodecOwner context(avcodec_alloc_context3(codec));
  if (!context) return Error{ErrorCode::exhausted, "no memory for an encoder"};
  context->width = settings.size.width;
  context->height = settings.size.height;
  context->pix_fmt = AV_PIX_FMT_YUV420P;
  context->color_range = AVCOL_RANGE_JPEG;
  context->colorspace = AVCOL_SPC_SMPTE170M;  // what libyuv and JPEG use
  context->color_primaries = AVCOL_PRI_BT709;
  context->color_trc = AVCOL_TRC_IEC61966_2_1;
  context->time_base = clock_90khz;
  context->framerate = {settings.fps_milli, 1000};
  context->gop_size =
      std::max(10, settings.fps_milli / 100);  // ten seconds: ours come before, by the frames' own times
  context->max_b_frames = 0;
  set_rate(*context, settings.bitrate_kbps);
  context->log_level_offset = AV_LOG_ERROR;  // the library's chatter is not for the operator: errors are
  return context;
}

Result<CodecOwner> opened(const char* name, CodecOwner context) {
  const int code = avcodec_open2(context.get(), context->codec, nullptr);
  if (code < 0) return unsupported(name, libav_words(code));
  return context;
}

Result<CodecOwner> open_x264(const H264Settings& settings, const H264Devices&) {
  auto context = new_context("libx264", settings);
  if (!context) return context;
  void* const options = (*context)->priv_data;
  av_opt_set(options, "preset", "superfast", 0);
  av_opt_set(options, "tune", "zerolatency", 0);
  av_opt_set(options, "forced-idr", "1", 0);
  av_opt_set(options, "x264-params", "scenecut=0", 0);
  (*context)->thread_count = 2;  // sliced: a third less latency (performance.md)
  (*context)->thread_type = FF_THREAD_SLICE;
  return opened("libx264", *std::move(context));
}

Result<CodecOwner> open_v4l2m2m(const H264Settings& settings, const H264Devices& devices) {
  constexpr const char* name = "h264_v4l2m2m";
  if (::access(devices.v4l2_encoder.c_str(), R_OK | W_OK) != 0) {
    return unsupported(name, "no " + devices.v4l2_encoder);
  }
  auto context = new_context(name, settings);
  if (!context) return context;
  (*context)->thread_count = 1;
  return opened(name, *std::move(context));
}

std::vector<std::string> nodes_in(const std::string& folder) {
  std::vector<std::string> nodes;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    const std::string path = entry.path().string();
    if (entry.path().filename().string().starts_with("renderD") && ::access(path.c_str(), R_OK | W_OK) == 0) {
      nodes.push_back(path);
    }
  }
  std::ranges::sort(nodes);
  return nodes;
}

// Pictures on the device, in the only layout that every driver's encoder takes.
Result<BufferOwner> frames_on(const BufferOwner& device, Size size) {
  BufferOwner frames(av_hwframe_ctx_alloc(device.get()));
  if (!frames) return Error{ErrorCode::exhausted, "no memory for pictures on the device"};
  auto* pool = reinterpret_cast<AVHWFramesContext*>(frames->data);
  pool->format = AV_PIX_FMT_VAAPI;
  pool->sw_format = AV_PIX_FMT_NV12;
  pool->width = size.width;
  pool->height = size.height;
  pool->initial_pool_size = frames_on_device;
  if (const int code = av_hwframe_ctx_init(frames.get()); code < 0) return unsupported("h264_vaapi", libav_words(code));
  return frames;
}

Result<CodecOwner> open_vaapi_on(const std::string& node, const H264Settings& settings) {
  constexpr const char* name = "h264_vaapi";
  auto context = new_context(name, settings);
  if (!context) return context;
  AVBufferRef* made = nullptr;
  const int code = av_hwdevice_ctx_create(&made, AV_HWDEVICE_TYPE_VAAPI, node.c_str(), nullptr, 0);
  if (code < 0) return unsupported(name, fmt::format("{}: {}", node, libav_words(code)));
  const BufferOwner device(made);
  auto frames = frames_on(device, settings.size);
  if (!frames) return frames.error();
  (*context)->pix_fmt = AV_PIX_FMT_VAAPI;
  (*context)->hw_frames_ctx = frames->release();
  av_opt_set((*context)->priv_data, "async_depth", "1", 0);  // every picture comes out before the next goes in
  return opened(name, *std::move(context));
}

Result<CodecOwner> open_vaapi(const H264Settings& settings, const H264Devices& devices) {
  std::string tried;
  for (const std::string& node : nodes_in(devices.render_nodes)) {
    auto context = open_vaapi_on(node, settings);
    if (context) return context;
    tried += (tried.empty() ? "" : "; ") + context.error().message;
  }
  if (!tried.empty()) return Error{ErrorCode::unsupported, tried};
  return unsupported("h264_vaapi", fmt::format("no {}/renderD… that can be used", devices.render_nodes));
}

constexpr std::array<H264Candidate, h264_candidate_count> candidates{
    H264Candidate{"h264_v4l2m2m", false, open_v4l2m2m},
    H264Candidate{"h264_vaapi", false, open_vaapi},
    H264Candidate{"libx264", true, open_x264},
};

}  // namespace

void FreeCodec::operator()(AVCodecContext* context) const { avcodec_free_context(&context); }

const H264Candidate& h264_candidate(size_t index) { return candidates.at(index); }

void set_rate(AVCodecContext& context, int bitrate_kbps) {
  context.bit_rate = int64_t{bitrate_kbps} * 1000;
  context.rc_max_rate = context.bit_rate;
  context.rc_buffer_size = static_cast<int>(context.bit_rate / 2);
}

std::string libav_words(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

}  // namespace camweave
