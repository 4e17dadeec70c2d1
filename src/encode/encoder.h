// Encoder: one rendition's encoder in the worker. Thread-bound to its rendition's thread.
#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "media/frame.h"
#include "media/video_format.h"

namespace camweave {

struct EncodedPicture {
  size_t size_bytes = 0;  // 0: the encoder took the frame in and gives nothing for it yet
  bool keyframe = true;
  Size size{};
};

class Encoder {
 public:
  virtual ~Encoder() = default;

  // Encodes (scaling, rotating and converting as the rendition says) into `out`, a slot of shared memory. Fails with
  // `exhausted` where it doesn't fit, `invalid_argument` for a damaged input frame: the caller drops and counts it.
  virtual Result<EncodedPicture> encode(const Frame& frame, std::span<std::byte> out) = 0;

  virtual void request_keyframe() {}
  virtual Result<void> set_bitrate(int bitrate_kbps) { (void)bitrate_kbps; return {}; }
  // In words for the API, and static: "libjpeg-turbo", "libx264", "h264_v4l2m2m".
  virtual const char* name() const = 0;
};

// Chosen by codec from one table (encoder_table.cpp); `unsupported` names what is missing.
Result<std::unique_ptr<Encoder>> make_encoder(const Rendition& rendition, const Frame& first_frame);

}  // namespace camweave
