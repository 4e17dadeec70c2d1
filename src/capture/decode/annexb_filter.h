// AnnexBFilter: H.264 and H.265 packets of a container as access units in Annex B, with the parameter sets before each
// keyframe, by libavcodec. Thread-bound.
#pragma once

#include <functional>
#include <optional>

#include "capture/decode/libav.h"
#include "media/video_format.h"

namespace camweave {

class AnnexBFilter {
 public:
  // What of a stream can be passed on as it is: none where it is of another codec, or where its pictures come in
  // another order than they are shown.
  static std::optional<PixelFormat> format_of(const AVCodecParameters& video);
  static Result<AnnexBFilter> create(const AVStream& video);

  // Takes the packet's content. `protocol`: it is damaged; the next may be fine.
  using Units = std::function<void(const AVPacket& unit)>;
  Result<void> push(AVPacket& packet, const Units& units);
  void flush() { av_bsf_flush(context_.get()); }  // after a jump

 private:
  explicit AnnexBFilter(libav::FilterOwner context) : context_(std::move(context)), unit_(av_packet_alloc()) {}

  libav::FilterOwner context_;
  libav::PacketOwner unit_;
};

}  // namespace camweave
