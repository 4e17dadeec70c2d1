// FFmpeg's types under C++'s ownership, and its errors as ours.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
}

#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace camweave::libav {

struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreeCodec {
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
};
struct FreeFilter {
  void operator()(AVBSFContext* context) const { av_bsf_free(&context); }
};
struct CloseInput {
  void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
};
using PacketOwner = std::unique_ptr<AVPacket, FreePacket>;
using FrameOwner = std::unique_ptr<AVFrame, FreeFrame>;
using CodecOwner = std::unique_ptr<AVCodecContext, FreeCodec>;
using FilterOwner = std::unique_ptr<AVBSFContext, FreeFilter>;
using InputOwner = std::unique_ptr<AVFormatContext, CloseInput>;

// A packet with a copy of `bytes`; nullptr without memory.
PacketOwner make_packet(std::span<const std::byte> bytes, bool keyframe, int64_t pts);

// "WHAT: the library's words". `what` must hold no secret.
Error error(const std::string& what, int code);

}  // namespace camweave::libav
