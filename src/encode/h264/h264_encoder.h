// The H.264 encoders of FFmpeg's libraries: the hardware of a Raspberry Pi 4, VA-API's, or x264. Low latency: no frame is
// held back, no B-frames; a keyframe every two seconds and on request with the next frame; the rate held by a buffer (VBV) of
// half a second. Annex B, parameter sets before every keyframe.
#pragma once

#include <memory>

#include "encode/encoder.h"
#include "encode/h264/open_encoder.h"

namespace camweave {

// The first of the table that opens for this picture size; `unsupported` names what was tried.
Result<std::unique_ptr<Encoder>> make_h264_encoder(const Rendition& rendition, const Frame& first_frame);
Result<std::unique_ptr<Encoder>> make_h264_encoder(const Rendition& rendition, const Frame& first_frame,
                                                   const H264Devices& devices);

// What a rendition without a bitrate gets: a tenth of a bit for each pixel, 200 kbit/s to 20 Mbit/s.
int default_bitrate_kbps(Size size, int fps_milli);

}  // namespace camweave
