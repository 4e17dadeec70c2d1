// DecodedPictureConverter: a decoded AVFrame as a Frame: I420 or grey in full range and BT.601, as a JPEG has its pixels. What
// is that already is passed on without a copy; all else is converted into pooled memory. Thread-bound; its frames are
// not.
#pragma once

#include "capture/decode/libav.h"
#include "media/frame.h"

struct SwsContext;

namespace camweave {

class DecodedPictureConverter {
 public:
  DecodedPictureConverter() = default;
  ~DecodedPictureConverter();
  DecodedPictureConverter(const DecodedPictureConverter&) = delete;
  DecodedPictureConverter& operator=(const DecodedPictureConverter&) = delete;

  // Takes the picture over. Sequence and time are the caller's to fill in.
  Result<Frame> convert(libav::FrameOwner picture);

 private:
  struct Target {
    uint8_t* planes[3];
    int strides[3];
    Frame frame;
  };
  Result<Target> make_target(Size size);
  Result<Frame> scale(const AVFrame& picture);

  SwsContext* scaler_ = nullptr;
  AVBufferPool* pool_ = nullptr;
  Size pool_size_{};
};

}  // namespace camweave
