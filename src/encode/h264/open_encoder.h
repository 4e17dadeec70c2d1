// Which H.264 encoder is there: one row for each kind, tried in order until one opens and takes a picture.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "media/video_format.h"

struct AVCodecContext;

namespace camweave {

struct FreeCodec {
  void operator()(AVCodecContext* context) const;
};
using CodecOwner = std::unique_ptr<AVCodecContext, FreeCodec>;

struct H264Settings {
  Size size{};  // both even
  int fps_milli = 0;
  int bitrate_kbps = 0;
};

// Where hardware is looked for; a test looks elsewhere.
struct H264Devices {
  std::string v4l2_encoder = "/dev/video11";  // a Raspberry Pi 4's is always this node
  std::string render_nodes = "/dev/dri";      // the folder of renderD128 and so on
};

struct H264Candidate {
  const char* name;      // FFmpeg's
  bool changes_bitrate;  // while it runs; the others are opened anew
  Result<CodecOwner> (*open)(const H264Settings& settings, const H264Devices& devices);
};

inline constexpr size_t h264_candidate_count = 3;
const H264Candidate& h264_candidate(size_t index);

// The rate and its buffer of half a second; on an open context of an encoder that changes it while it runs, from the
// next picture on.
void set_rate(AVCodecContext& context, int bitrate_kbps);

std::string libav_words(int code);

}  // namespace camweave
