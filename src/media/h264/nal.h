// NAL units of an Annex B access unit (ITU-T H.264 annex B, H.265 annex B): walked without copying. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace camweave {

using NalUnit = std::span<const std::byte>;  // without its start code; begins with the NAL header

// The next NAL unit and what follows it; an empty one at the end.
struct NalSplit {
  NalUnit nal;
  std::span<const std::byte> rest;
};
NalSplit next_nal(std::span<const std::byte> annex_b);

template <typename Function>
void for_each_nal(std::span<const std::byte> annex_b, Function function) {
  for (NalSplit split = next_nal(annex_b); !split.nal.empty(); split = next_nal(split.rest)) function(split.nal);
}

namespace h264 {
enum class NalType : uint8_t { slice = 1, idr = 5, sei = 6, sps = 7, pps = 8, aud = 9 };
inline NalType type_of(NalUnit nal) { return static_cast<NalType>(std::to_integer<uint8_t>(nal[0]) & 0x1f); }
}  // namespace h264

namespace h265 {
enum class NalType : uint8_t { bla_first = 16, irap_last = 23, vps = 32, sps = 33, pps = 34, aud = 35, prefix_sei = 39 };
inline NalType type_of(NalUnit nal) { return static_cast<NalType>((std::to_integer<uint8_t>(nal[0]) >> 1) & 0x3f); }
}  // namespace h265

}  // namespace camweave
