#include "capture/decode/video_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace camweave {
namespace {

// Decoders gain little from more, and every camera is a process of its own.
constexpr int max_threads = 4;

}  // namespace

VideoDecoder::VideoDecoder(libav::CodecOwner context)
    : context_(std::move(context)), converter_(std::make_unique<DecodedPictureConverter>()) {}

Result<VideoDecoder> VideoDecoder::create(const AVCodecParameters& parameters, DecodeDelay delay) {
  const AVCodec* codec = avcodec_find_decoder(parameters.codec_id);
  if (!codec) {
    return Error{ErrorCode::unsupported,
                 fmt::format("no decoder for {} in FFmpeg's libraries", avcodec_get_name(parameters.codec_id))};
  }
  libav::CodecOwner context(avcodec_alloc_context3(codec));
  if (!context) return Error{ErrorCode::exhausted, "no memory for a decoder"};
  if (const int set = avcodec_parameters_to_context(context.get(), &parameters); set < 0) {
    return libav::error(std::string("the decoder ") + codec->name, set);
  }
  return open(codec, std::move(context), delay);
}

Result<VideoDecoder> VideoDecoder::create_live(AVCodecID id) {
  const AVCodec* codec = avcodec_find_decoder(id);
  if (!codec) {
    return Error{ErrorCode::unsupported, fmt::format("no decoder for {} in FFmpeg's libraries", avcodec_get_name(id))};
  }
  libav::CodecOwner context(avcodec_alloc_context3(codec));
  if (!context) return Error{ErrorCode::exhausted, "no memory for a decoder"};
  return open(codec, std::move(context), DecodeDelay::low);
}

Result<VideoDecoder> VideoDecoder::open(const AVCodec* codec, libav::CodecOwner context, DecodeDelay delay) {
  av_log_set_level(AV_LOG_QUIET);  // its words go to stderr and may hold an address with a password
  context->thread_count = std::min(max_threads, static_cast<int>(std::thread::hardware_concurrency()));
  if (delay == DecodeDelay::low) {
    context->flags |= AV_CODEC_FLAG_LOW_DELAY;
    context->thread_type = FF_THREAD_SLICE;
  }
  context->max_pixels = int64_t{max_dimension} * max_dimension;
  if (const int opened = avcodec_open2(context.get(), codec, nullptr); opened < 0) {
    return libav::error(std::string("the decoder ") + codec->name, opened);
  }
  return VideoDecoder(std::move(context));
}

Result<void> VideoDecoder::decode(const AVPacket* packet, const Pictures& pictures, bool keep) {
  int sent = avcodec_send_packet(context_.get(), packet);
  if (sent == AVERROR(EAGAIN)) {
    if (auto received = receive(pictures, keep); !received) return received;
    sent = avcodec_send_packet(context_.get(), packet);
  }
  auto received = receive(pictures, keep);
  if (sent < 0 && sent != AVERROR_EOF) return libav::error("decoding", sent);
  return received;
}

Result<void> VideoDecoder::receive(const Pictures& pictures, bool keep) {
  for (;;) {
    libav::FrameOwner frame(av_frame_alloc());
    if (!frame) return Error{ErrorCode::exhausted, "no memory for a picture"};
    const int got = avcodec_receive_frame(context_.get(), frame.get());
    if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return {};
    if (got < 0) return libav::error("decoding", got);
    if (!keep) continue;
    const int64_t pts = frame->best_effort_timestamp;
    auto converted = converter_->convert(std::move(frame));
    if (!converted) return converted.error();
    pictures(Picture{*std::move(converted), pts});
  }
}

void VideoDecoder::flush() { avcodec_flush_buffers(context_.get()); }

}  // namespace camweave
