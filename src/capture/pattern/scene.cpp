#include "capture/pattern/scene.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace camweave::pattern {
namespace {

constexpr std::array kinds{std::pair{Kind::bars, "bars"}, std::pair{Kind::zone, "zone"},
                           std::pair{Kind::clock, "clock"}, std::pair{Kind::noise, "noise"}};

uint8_t grey_of_zone(int index) {
  return static_cast<uint8_t>(std::lround(128 + 110 * std::cos(index * 2 * std::numbers::pi / 256)));
}

// Rings that reach the finest detail that the pixels can show at the nearer edges.
void zone_indices(Size size, int x, int y, std::span<uint8_t> out) {
  // The phase's rate rises by `step` of a turn (2^32) for each pixel away from the middle: half a turn at the edge.
  const auto step =
      static_cast<uint32_t>(0x80000000U / static_cast<uint32_t>(std::max(std::min(size.width, size.height) / 2, 1)));
  const int dx = x - size.width / 2, dy = y - size.height / 2;
  const auto square = [](int v) { return static_cast<uint32_t>(v) * static_cast<uint32_t>(v); };
  const uint32_t half_step = step / 2;
  uint32_t phase = (square(dx) + square(dy)) * half_step;
  uint32_t rate = (2 * static_cast<uint32_t>(dx) + 1) * half_step;
  for (uint8_t& index : out) {
    index = static_cast<uint8_t>(phase >> 24);
    phase += rate;
    rate += step;
  }
}

uint64_t mixed(uint64_t value) {  // splitmix64's finaliser
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

void noise_indices(int x, int y, uint64_t frame, std::span<uint8_t> out) {
  uint64_t state = mixed((frame << 28) ^ (static_cast<uint64_t>(y) << 14) ^ static_cast<uint64_t>(x)) | 1;
  size_t i = 0;
  while (i < out.size()) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    uint64_t bits = state;
    for (int k = 0; k < 8 && i < out.size(); ++k, bits >>= 8) out[i++] = static_cast<uint8_t>(bits);
  }
}

void bars_indices(Size size, int x, std::span<uint8_t> out) {
  for (uint8_t& index : out) index = static_cast<uint8_t>(std::min(8 * x++ / size.width, 7));
}

// Darker towards the bottom.
void clock_indices(Size size, int y, std::span<uint8_t> out) {
  std::ranges::fill(out, static_cast<uint8_t>(255 * y / std::max(size.height - 1, 1)));
}

}  // namespace

const char* to_string(Kind kind) {
  for (const auto& [known, name] : kinds) {
    if (known == kind) return name;
  }
  return "";
}

std::optional<Kind> parse_kind(std::string_view name) {
  for (const auto& [kind, known] : kinds) {
    if (name == known) return kind;
  }
  return std::nullopt;
}

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const auto& [kind, name] : kinds) names.emplace_back(name);
  return names;
}

std::array<Rgb, 256> Scene::colours() const {
  std::array<Rgb, 256> colours{};
  for (int i = 0; i < 256; ++i) {
    const auto level = static_cast<uint8_t>(i);
    Rgb& colour = colours[static_cast<size_t>(i)];
    switch (kind_) {
      case Kind::bars:
        colour = bar_colours[static_cast<size_t>(i % 8)];
        break;
      case Kind::zone:
        colour = {grey_of_zone(i), grey_of_zone(i), grey_of_zone(i)};
        break;
      case Kind::clock:
        colour = {static_cast<uint8_t>(60 - level / 6), static_cast<uint8_t>(90 - level / 4),
                  static_cast<uint8_t>(140 - level / 3)};
        break;
      case Kind::noise:
        colour = {level, level, level};
        break;
    }
  }
  return colours;
}

void Scene::indices(int x, int y, uint64_t frame, std::span<uint8_t> out) const {
  if (flip_v_) y = size_.height - 1 - y;
  // Mirrored: what stands at the other end, backwards.
  if (flip_h_) x = size_.width - x - static_cast<int>(out.size());
  switch (kind_) {
    case Kind::bars:
      bars_indices(size_, x, out);
      break;
    case Kind::zone:
      zone_indices(size_, x, y, out);
      break;
    case Kind::clock:
      clock_indices(size_, y, out);
      break;
    case Kind::noise:
      noise_indices(x, y, frame, out);
      break;
  }
  if (flip_h_) std::ranges::reverse(out);
}

}  // namespace camweave::pattern
