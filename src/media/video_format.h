// What a picture or stream is made of: size, pixel format, codec, and the Rendition that a client asks for.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace camweave {

struct Size {
  int width = 0;   // pixels
  int height = 0;  // pixels
  auto operator<=>(const Size&) const = default;
  bool empty() const { return width <= 0 || height <= 0; }
};

inline constexpr int max_dimension = 16384;  // pixels, either way; nothing larger is accepted from anywhere

// "640x480"; both 1 to max_dimension.
Result<Size> parse_size(std::string_view text);
std::string to_string(Size size);

// How a camera's raw buffer is laid out. Names as V4L2 and libcamera users know them.
enum class PixelFormat : uint16_t {
  yuyv = 1,      // packed 4:2:2, Y0 U Y1 V
  uyvy,          // packed 4:2:2, U Y0 V Y1
  nv12,          // two planes, 4:2:0
  i420,          // three planes, 4:2:0 (V4L2's YU12)
  rgb24,         // R G B bytes
  bgr24,         // B G R bytes
  grey,          // 8-bit luma only
  bayer_rggb8,
  bayer_grbg8,
  bayer_gbrg8,
  bayer_bggr8,
  jpeg,          // one JPEG picture, baseline or progressive
  h264,          // one access unit, Annex B
  h265,          // one access unit, Annex B
};
const char* to_string(PixelFormat format);
std::optional<PixelFormat> parse_pixel_format(std::string_view name);  // any case; also V4L2's fourcc names
bool is_compressed(PixelFormat format);
bool is_bayer(PixelFormat format);

enum class Codec : uint16_t { jpeg = 1, h264 = 2, h265 = 3 };
const char* to_string(Codec codec);
std::optional<Codec> parse_codec(std::string_view name);  // also "mjpeg", "hevc"

// What is asked of a camera. Equal ones are encoded once. 0 means: as the camera gives it.
struct Rendition {
  Codec codec = Codec::jpeg;
  Size size{};              // 0×0: the camera's own; else the picture is scaled to it, never above the camera's size
  int fps_milli = 0;        // frames in 1000 s; 0 or above the camera's: the camera's own rate
  int quality = 0;          // JPEG 1–100; 0: pass the camera's own through where it can be, else 80
  int bitrate_kbps = 0;     // H.264/H.265; 0: by size and rate
  int rotation = 0;         // 0, 90, 180, 270 degrees clockwise, applied to the pixels
  auto operator<=>(const Rendition&) const = default;
};
std::string to_string(const Rendition& rendition);

inline constexpr int default_jpeg_quality = 80;
inline constexpr size_t max_renditions_per_camera = 8;

}  // namespace camweave
