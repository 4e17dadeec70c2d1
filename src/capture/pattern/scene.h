// Scene: what the pretended sensor looks at, as indices into 256 colours, so that exposure and white balance need only
// change the colours. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "capture/pattern/sensor.h"
#include "media/video_format.h"

namespace camweave::pattern {

enum class Kind { bars, zone, clock, noise };
const char* to_string(Kind kind);
std::optional<Kind> parse_kind(std::string_view name);
std::vector<std::string> kind_names();

inline constexpr std::array<Rgb, 8> bar_colours{
    {{191, 191, 191}, {191, 191, 0}, {0, 191, 191}, {0, 191, 0}, {191, 0, 191}, {191, 0, 0}, {0, 0, 191}, {0, 0, 0}}};

class Scene {
 public:
  Scene(Kind kind, Size size, bool flip_h, bool flip_v) : kind_(kind), size_(size), flip_h_(flip_h), flip_v_(flip_v) {}

  Kind kind() const { return kind_; }
  // The colours that the indices stand for, in nominal light.
  std::array<Rgb, 256> colours() const;
  // The indices of `out.size()` pixels from (x, y) rightwards. Noise differs for each `frame`.
  void indices(int x, int y, uint64_t frame, std::span<uint8_t> out) const;
  // All lines have the same indices.
  bool operator==(const Scene&) const = default;
  bool lines_are_equal() const { return kind_ == Kind::bars; }

 private:
  Kind kind_;
  Size size_;
  bool flip_h_, flip_v_;
};

}  // namespace camweave::pattern
