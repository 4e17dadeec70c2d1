// What an H.264 sequence parameter set says of the pictures (ITU-T H.264, 7.3.2.1 and annex E). Pure; fuzzed.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "media/video_format.h"

namespace camweave::h264 {

enum class NalType : uint8_t { slice = 1, idr = 5, sei = 6, sps = 7, pps = 8, delimiter = 9 };
inline NalType nal_type(std::byte header) { return static_cast<NalType>(std::to_integer<uint8_t>(header) & 31); }

struct SequenceParameters {
  Size size{};              // the cropped one
  bool may_reorder = true;  // pictures may come in another order than they are shown; false: certainly not
};

// `nal`: one NAL unit of type sps, its header byte first, without a start code.
Result<SequenceParameters> parse_sps(std::span<const std::byte> nal);

}  // namespace camweave::h264
