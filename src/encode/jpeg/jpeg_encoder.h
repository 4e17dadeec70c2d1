// The JPEG encoder: every PixelFormat but H.264 and H.265 in, JPEG out, by libjpeg-turbo and libyuv. See
// encode/picture/rendition_size.h for the size that comes out.
#pragma once

#include <memory>

#include "encode/encoder.h"

namespace camweave {

// `unsupported` for frames that it can't decode.
Result<std::unique_ptr<Encoder>> make_jpeg_encoder(const Rendition& rendition, const Frame& first_frame);

}  // namespace camweave
