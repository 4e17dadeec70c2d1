#include "capture/mode_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace camweave {
namespace {

constexpr Size default_size{1280, 720};
constexpr int default_fps_milli = 30'000;

// Lower is better. What the camera compressed passes through for nothing; then what the encoder takes as it is.
int cost_of(PixelFormat format) {
  switch (format) {
    case PixelFormat::jpeg: return 0;
    case PixelFormat::i420: return 1;
    case PixelFormat::nv12: return 2;
    case PixelFormat::yuyv:
    case PixelFormat::uyvy: return 3;
    case PixelFormat::rgb24:
    case PixelFormat::bgr24: return 4;
    case PixelFormat::bayer_rggb8:
    case PixelFormat::bayer_grbg8:
    case PixelFormat::bayer_gbrg8:
    case PixelFormat::bayer_bggr8: return 5;
    case PixelFormat::grey: return 6;  // loses the colours
    case PixelFormat::h264:
    case PixelFormat::h265: return 7;  // only when asked for: a JPEG of it costs a decoder
  }
  return 8;
}

int64_t area(Size size) { return int64_t{size.width} * size.height; }

auto rank(const ipc::Mode& mode, Size size, int fps_milli) {
  const bool large_enough = mode.size.width >= size.width && mode.size.height >= size.height;
  const bool fast_enough = mode.fps_milli >= fps_milli;
  return std::tuple(!large_enough, large_enough ? area(mode.size) : -area(mode.size), !fast_enough,
                    fast_enough ? mode.fps_milli : -mode.fps_milli, cost_of(mode.format));
}

std::string note_on(const ipc::Mode& taken, Size wanted, int wanted_fps_milli) {
  std::string note;
  if (!wanted.empty() && taken.size != wanted) {
    note = fmt::format("{} instead of {}: the camera has no such size", to_string(taken.size), to_string(wanted));
  }
  // Cameras give 29.97 for 30; some don't say their rate.
  if (wanted_fps_milli && taken.fps_milli && std::abs(taken.fps_milli - wanted_fps_milli) > wanted_fps_milli / 100) {
    note += fmt::format("{}{:g} fps instead of {:g}: the camera has no such rate at {} {}", note.empty() ? "" : "; ",
                        taken.fps_milli / 1000.0, wanted_fps_milli / 1000.0, to_string(taken.size),
                        to_string(taken.format));
  }
  return note;
}

}  // namespace

Result<ModeChoice> choose_mode(const std::vector<ipc::Mode>& modes, Size wanted, int wanted_fps_milli,
                               std::optional<PixelFormat> format) {
  const Size size = wanted.empty() ? default_size : wanted;
  const int fps_milli = wanted_fps_milli ? wanted_fps_milli : default_fps_milli;
  const ipc::Mode* best = nullptr;
  for (const ipc::Mode& mode : modes) {
    if (format && mode.format != *format) continue;
    if (!best || rank(mode, size, fps_milli) < rank(*best, size, fps_milli)) best = &mode;
  }
  if (!best) {
    return Error{ErrorCode::unsupported,
                 format ? fmt::format("the camera has no {} mode", to_string(*format))
                        : std::string("the camera gives no picture format that this driver knows")};
  }
  return ModeChoice{*best, note_on(*best, wanted, wanted_fps_milli)};
}

}  // namespace camweave
