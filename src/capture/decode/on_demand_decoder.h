// OnDemandDecoder: decodes while somebody wants pixels. While nobody does it only keeps the packets since the last
// keyframe, so that the first picture comes at once when somebody does again. Thread-bound.
#pragma once

#include <deque>

#include "capture/decode/video_decoder.h"

namespace camweave {

class OnDemandDecoder {
 public:
  explicit OnDemandDecoder(VideoDecoder decoder) : decoder_(std::move(decoder)) {}

  // One packet in decoding order. Pictures from before the moment when `wanted` became true may come out, where the
  // decoder holds some back: their pts tells. A damaged packet is a `protocol` error; the next may be fine.
  Result<void> push(const AVPacket& packet, bool wanted, const VideoDecoder::Pictures& pictures);
  // Gives what the decoder holds back, then forgets everything: the end of a pass.
  Result<void> drain(const VideoDecoder::Pictures& pictures);
  void reset();  // after a jump

 private:
  static constexpr size_t max_kept_bytes = size_t{64} << 20;
  static constexpr size_t max_kept_packets = 1000;

  Result<void> keep(const AVPacket& packet);
  void forget();
  Result<void> catch_up(const VideoDecoder::Pictures& pictures);

  VideoDecoder decoder_;
  bool running_ = false;
  std::deque<libav::PacketOwner> since_keyframe_;
  size_t kept_bytes_ = 0;
  bool complete_ = false;  // since_keyframe_ begins with a keyframe and lacks nothing
};

}  // namespace camweave
