#include "encode/picture/level_range.h"

#include <algorithm>

namespace camweave {
namespace {

// Fixed-point with 8 bits after the point; chosen so that every product fits 16 bits.
constexpr int luma_gain = 298;    // 255 / 219
constexpr int chroma_gain = 291;  // 255 / 224

}  // namespace

void expand_luma(PlaneView in, uint8_t* out, int out_stride) {
  for (int y = 0; y < in.height; ++y, in.data += in.stride, out += out_stride) {
    for (int x = 0; x < in.width; ++x) {
      const auto level = static_cast<uint16_t>(std::clamp<int>(in.data[x], 16, 235) - 16);
      out[x] = static_cast<uint8_t>((level * luma_gain + 128) >> 8);
    }
  }
}

void expand_chroma(PlaneView in, uint8_t* out, int out_stride) {
  for (int y = 0; y < in.height; ++y, in.data += in.stride, out += out_stride) {
    for (int x = 0; x < in.width; ++x) {
      const auto level = static_cast<int16_t>(std::clamp<int>(in.data[x], 16, 240) - 128);
      out[x] = static_cast<uint8_t>(((level * chroma_gain + 128) >> 8) + 128);
    }
  }
}

}  // namespace camweave
