#include "media/video_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cctype>

namespace camweave {
namespace {

struct FormatName {
  PixelFormat format;
  const char* name;      // ours
  const char* v4l2_name; // the other name that users know
};

constexpr std::array format_names{
    FormatName{PixelFormat::yuyv, "YUYV", "YUY2"},          FormatName{PixelFormat::uyvy, "UYVY", "Y422"},
    FormatName{PixelFormat::nv12, "NV12", "NM12"},          FormatName{PixelFormat::i420, "I420", "YU12"},
    FormatName{PixelFormat::rgb24, "RGB24", "RGB3"},        FormatName{PixelFormat::bgr24, "BGR24", "BGR3"},
    FormatName{PixelFormat::grey, "GREY", "Y8"},            FormatName{PixelFormat::bayer_rggb8, "RGGB", "SRGGB8"},
    FormatName{PixelFormat::bayer_grbg8, "GRBG", "SGRBG8"}, FormatName{PixelFormat::bayer_gbrg8, "GBRG", "SGBRG8"},
    FormatName{PixelFormat::bayer_bggr8, "BGGR", "SBGGR8"}, FormatName{PixelFormat::jpeg, "MJPEG", "JPEG"},
    FormatName{PixelFormat::h264, "H264", "AVC"},           FormatName{PixelFormat::h265, "H265", "HEVC"},
};

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::toupper(static_cast<unsigned char>(x)) == std::toupper(static_cast<unsigned char>(y));
  });
}

bool parse_dimension(std::string_view text, int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 1 && out <= max_dimension;
}

}  // namespace

Result<Size> parse_size(std::string_view text) {
  const size_t cross = text.find('x');
  Size size;
  if (cross == std::string_view::npos || !parse_dimension(text.substr(0, cross), size.width) ||
      !parse_dimension(text.substr(cross + 1), size.height)) {
    return Error{ErrorCode::invalid_argument,
                 fmt::format("size '{}' is not WIDTHxHEIGHT with 1 to {} pixels each", text, max_dimension)};
  }
  return size;
}

std::string to_string(Size size) { return fmt::format("{}x{}", size.width, size.height); }

const char* to_string(PixelFormat format) {
  for (const auto& row : format_names) {
    if (row.format == format) return row.name;
  }
  return "unknown";
}

std::optional<PixelFormat> parse_pixel_format(std::string_view name) {
  for (const auto& row : format_names) {
    if (equal_any_case(name, row.name) || equal_any_case(name, row.v4l2_name)) return row.format;
  }
  return std::nullopt;
}

bool is_compressed(PixelFormat format) {
  return format == PixelFormat::jpeg || format == PixelFormat::h264 || format == PixelFormat::h265;
}

bool is_bayer(PixelFormat format) {
  return format == PixelFormat::bayer_rggb8 || format == PixelFormat::bayer_grbg8 ||
         format == PixelFormat::bayer_gbrg8 || format == PixelFormat::bayer_bggr8;
}

const char* to_string(Codec codec) {
  switch (codec) {
    case Codec::jpeg: return "jpeg";
    case Codec::h264: return "h264";
    case Codec::h265: return "h265";
  }
  return "unknown";
}

std::optional<Codec> parse_codec(std::string_view name) {
  if (equal_any_case(name, "jpeg") || equal_any_case(name, "mjpeg")) return Codec::jpeg;
  if (equal_any_case(name, "h264") || equal_any_case(name, "avc")) return Codec::h264;
  if (equal_any_case(name, "h265") || equal_any_case(name, "hevc")) return Codec::h265;
  return std::nullopt;
}

std::string to_string(const Rendition& rendition) {
  std::string text = to_string(rendition.codec);
  if (!rendition.size.empty()) text += " " + to_string(rendition.size);
  if (rendition.fps_milli) text += fmt::format(" {:g} fps", rendition.fps_milli / 1000.0);
  if (rendition.quality) text += fmt::format(" q{}", rendition.quality);
  if (rendition.bitrate_kbps) text += fmt::format(" {} kbit/s", rendition.bitrate_kbps);
  if (rendition.rotation) text += fmt::format(" rotated {}", rendition.rotation);
  return text;
}

}  // namespace camweave
