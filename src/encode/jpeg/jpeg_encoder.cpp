#include "encode/jpeg/jpeg_encoder.h"

#include <fmt/format.h>

#include "encode/jpeg/jpeg_compressor.h"
#include "encode/picture/picture_converter.h"

namespace camweave {
namespace {

class JpegEncoder final : public Encoder {
 public:
  explicit JpegEncoder(const Rendition& rendition)
      : converter_(rendition.size, rendition.rotation),
        compressor_(rendition.quality > 0 ? rendition.quality : default_jpeg_quality) {}

  Result<EncodedPicture> encode(const Frame& frame, std::span<std::byte> out) override {
    const auto planes = converter_.convert(frame);
    if (!planes) return planes.error();
    const auto size_bytes = compressor_.compress(*planes, out);
    if (!size_bytes) return size_bytes.error();
    return EncodedPicture{*size_bytes, true, planes->size()};
  }

  const char* name() const override { return "libjpeg-turbo"; }

 private:
  PictureConverter converter_;
  JpegCompressor compressor_;
};

}  // namespace

Result<std::unique_ptr<Encoder>> make_jpeg_encoder(const Rendition& rendition, const Frame& first_frame) {
  if (first_frame.format == PixelFormat::h264 || first_frame.format == PixelFormat::h265) {
    return Error{ErrorCode::unsupported,
                 fmt::format("JPEG from a camera that gives {} is not supported", to_string(first_frame.format))};
  }
  return std::unique_ptr<Encoder>(std::make_unique<JpegEncoder>(rendition));
}

}  // namespace camweave
