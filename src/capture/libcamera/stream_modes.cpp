#include "capture/libcamera/stream_modes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "capture/libcamera/controls.h"

namespace camweave::libcam {
namespace {

constexpr std::array usual_sizes{Size{320, 240},  Size{640, 480},   Size{800, 600},   Size{1280, 720},
                                 Size{1280, 960}, Size{1920, 1080}, Size{2560, 1440}, Size{3840, 2160}};
constexpr size_t most_modes = 256;

bool fits(const StreamOffer& offer, Size size) {
  return !offer.largest.empty() && size.width >= offer.smallest.width && size.height >= offer.smallest.height &&
         size.width <= offer.largest.width && size.height <= offer.largest.height;
}

int64_t area(Size size) { return int64_t{size.width} * size.height; }

}  // namespace

std::vector<ipc::Mode> modes_of(const std::vector<StreamOffer>& offers, Size wanted, int fps_milli) {
  std::vector<ipc::Mode> modes;
  for (const StreamOffer& offer : offers) {
    std::vector<Size> sizes = offer.sizes;
    for (const Size size : usual_sizes) {
      if (fits(offer, size)) sizes.push_back(size);
    }
    // 4:2:0 formats have no odd sizes.
    if (!wanted.empty() && wanted.width % 2 == 0 && wanted.height % 2 == 0 && fits(offer, wanted))
      sizes.push_back(wanted);
    if (!offer.largest.empty()) sizes.push_back(offer.largest);
    std::ranges::sort(sizes, {}, [](Size size) { return std::pair(area(size), size.width); });
    const auto repeated = std::ranges::unique(sizes);
    sizes.erase(repeated.begin(), repeated.end());
    for (const Size size : sizes) {
      const bool sane = !size.empty() && size.width <= max_dimension && size.height <= max_dimension;
      if (sane && modes.size() < most_modes) modes.push_back({offer.format, size, fps_milli});
    }
  }
  return modes;
}

int nearest_fps_milli(const std::vector<DeviceControl>& controls, int wanted_fps_milli) {
  const auto schema = CameraControls(controls).read();
  const Control* rate = find_control(schema, "frame_rate");
  return rate ? static_cast<int>(std::clamp(wanted_fps_milli / 1000.0, rate->min, rate->max) * 1000 + 0.5) : 0;
}

std::optional<StreamWish> largest_still(const std::vector<StreamOffer>& offers) {
  std::optional<StreamWish> best;
  for (const ipc::Mode& mode : modes_of(offers, {}, 0)) {
    if (is_bayer(mode.format)) continue;  // the sensor's own size, but without the image processor's work
    if (!best || area(mode.size) > area(best->size)) best = StreamWish{StreamUse::still, mode.format, mode.size, 2, {}};
  }
  return best;
}

Result<Turn> turn_of(const SourceUri& source) {
  const auto option = [&source](const char* key) -> std::string {
    const auto found = source.options.find(key);
    return found == source.options.end() ? "" : found->second;
  };
  const auto is_on = [](const std::string& text) { return !text.empty() && text != "0" && text != "false"; };
  Turn turn{is_on(option("hflip")), is_on(option("vflip")), 0};
  const std::string rotation = option("rotation");
  if (rotation == "90" || rotation == "180" || rotation == "270") {
    turn.rotation = std::stoi(rotation);
  } else if (!rotation.empty() && rotation != "0") {
    return Error{ErrorCode::invalid_argument, fmt::format("rotation={}: must be 0, 90, 180 or 270", rotation)};
  }
  return turn;
}

Result<std::optional<PixelFormat>> format_of(const SourceUri& source) {
  const auto option = source.options.find("format");
  if (option == source.options.end()) return std::optional<PixelFormat>();
  const auto format = parse_pixel_format(option->second);
  if (!format)
    return Error{ErrorCode::invalid_argument, fmt::format("format '{}' is no picture format", option->second)};
  return format;
}

}  // namespace camweave::libcam
