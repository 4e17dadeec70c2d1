#include "capture/pattern/pattern_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace camweave::pattern {
namespace {

constexpr std::array formats{PixelFormat::yuyv, PixelFormat::nv12, PixelFormat::grey, PixelFormat::bayer_rggb8,
                             PixelFormat::jpeg};

Error wrong(std::string message) { return Error{ErrorCode::invalid_argument, "pattern: " + std::move(message)}; }

Result<void> set_size(PatternOptions& options, std::string_view text) {
  const auto size = parse_size(text);
  if (!size) return wrong(size.error().message);
  options.size = *size;
  return {};
}

Result<void> set_fps(PatternOptions& options, std::string_view text) {
  double fps = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fps);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(fps) || std::abs(fps) > 1e6) {
    return wrong(fmt::format("fps '{}' is no number", text));
  }
  options.fps_milli = static_cast<int>(std::lround(fps * 1000));
  return {};
}

Result<void> set_format(PatternOptions& options, std::string_view text) {
  const auto format = parse_pixel_format(text);
  if (!format || std::ranges::find(formats, *format) == formats.end()) {
    return wrong(fmt::format("format '{}' is none of YUYV, NV12, GREY, RGGB, MJPEG", text));
  }
  options.format = *format;
  return {};
}

Result<void> set_quality(PatternOptions& options, std::string_view text) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.quality);
  if (error != std::errc() || end != text.data() + text.size() || options.quality < 1 || options.quality > 100) {
    return wrong(fmt::format("quality '{}' is not 1 to 100", text));
  }
  return {};
}

struct Option {
  std::string_view name;
  Result<void> (*set)(PatternOptions& options, std::string_view text);
};
constexpr std::array options_table{Option{"size", set_size}, Option{"fps", set_fps}, Option{"format", set_format},
                                   Option{"quality", set_quality}};

Result<void> check_bounds(const PatternOptions& options) {
  const auto [least, most] = std::minmax(options.size.width, options.size.height);
  if (least < least_side || most > most_side) {
    return wrong(fmt::format("size {} is not within {} and {} pixels", to_string(options.size), least_side, most_side));
  }
  if (options.fps_milli < least_fps_milli || options.fps_milli > most_fps_milli) {
    return wrong(fmt::format("fps {:g} is not within 0.1 and 1000", options.fps_milli / 1000.0));
  }
  return {};
}

}  // namespace

Result<PatternOptions> parse_options(const CameraRequest& request) {
  PatternOptions options;
  if (!request.source.rest.empty()) {
    const auto kind = parse_kind(request.source.rest);
    if (!kind) {
      return wrong(fmt::format("'{}' is none of {}", request.source.rest, fmt::join(kind_names(), ", ")));
    }
    options.kind = *kind;
  }
  if (!request.wanted_size.empty()) options.size = request.wanted_size;
  if (request.wanted_fps_milli > 0) options.fps_milli = request.wanted_fps_milli;
  for (const auto& [name, text] : request.source.options) {
    const auto known = std::ranges::find(options_table, name, &Option::name);
    if (known == options_table.end()) return wrong(fmt::format("no option '{}': size, fps, format, quality", name));
    if (const auto set = known->set(options, text); !set) return set.error();
  }
  if (const auto checked = check_bounds(options); !checked) return checked.error();
  const Size even{(options.size.width + 1) & ~1, (options.size.height + 1) & ~1};
  if (even != options.size) {
    options.note = fmt::format("{} instead of {}: sides are even", to_string(even), to_string(options.size));
    options.size = even;
  }
  return options;
}

}  // namespace camweave::pattern
