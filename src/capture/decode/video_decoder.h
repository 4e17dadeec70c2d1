// VideoDecoder: compressed pictures in, Frames in I420 (or grey) out, by libavcodec. Thread-bound; its frames are not.
#pragma once

#include <functional>

#include "capture/decode/picture_converter.h"

namespace camweave {

// How much a decoder may hold back: `low` gives each picture as soon as it can (live), `smooth` uses more cores
// (files).
enum class DecodeDelay { low, smooth };

class VideoDecoder {
 public:
  // `unsupported` where this build of FFmpeg's libraries lacks the decoder.
  static Result<VideoDecoder> create(const AVCodecParameters& parameters, DecodeDelay delay);
  static Result<VideoDecoder> create_live(AVCodecID codec);  // access units in Annex B, `low`

  VideoDecoder(VideoDecoder&&) noexcept = default;
  VideoDecoder& operator=(VideoDecoder&&) noexcept = default;

  struct Picture {
    Frame frame;      // sequence and capture_time are the caller's to fill in
    int64_t pts = 0;  // the packet's, in its stream's time base; AV_NOPTS_VALUE where it has none
  };
  using Pictures = std::function<void(Picture)>;

  // One packet; nullptr: gives what is held back, flush() comes next. With `keep` false pictures are decoded (later
  // ones may need them) but not converted or given. A damaged packet is a `protocol` error; the next may be fine.
  Result<void> decode(const AVPacket* packet, const Pictures& pictures, bool keep = true);
  void flush();  // forgets what was before: after a jump

 private:
  explicit VideoDecoder(libav::CodecOwner context);
  static Result<VideoDecoder> open(const AVCodec* codec, libav::CodecOwner context, DecodeDelay delay);
  Result<void> receive(const Pictures& pictures, bool keep);

  libav::CodecOwner context_;
  std::unique_ptr<DecodedPictureConverter> converter_;
};

}  // namespace camweave
