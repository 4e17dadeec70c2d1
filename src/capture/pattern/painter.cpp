#include "capture/pattern/painter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numbers>

#include "capture/pattern/font.h"

namespace camweave::pattern {
namespace {

constexpr Rgb object_colour{200, 110, 20};
constexpr Rgb bright_dot_colour{220, 220, 220};
constexpr Rgb dim_dot_colour{40, 40, 50};
constexpr std::chrono::milliseconds object_period(4000);
constexpr int dial_dots = 60;
constexpr std::chrono::seconds minute(60);

struct Text {
  std::array<char, 32> buffer{};
  size_t size = 0;
  std::string_view view() const { return {buffer.data(), size}; }
};

template <typename... Args>
Text format_text(fmt::format_string<Args...> format, Args&&... args) {
  Text text;
  text.size =
      std::min(fmt::format_to_n(text.buffer.data(), text.buffer.size(), format, std::forward<Args>(args)...).size,
               text.buffer.size());
  return text;
}

Text time_text(UnixMicroseconds wall) {
  const auto days = std::chrono::floor<std::chrono::duration<int, std::ratio<86400>>>(wall);
  const int64_t ms = std::chrono::floor<std::chrono::milliseconds>(wall - days).count();
  return format_text("{:02}:{:02}:{:02}.{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

// 0 → 1 → 0 within a period.
double swing(std::chrono::nanoseconds time) {
  const double turn = std::chrono::duration<double>(time % object_period) / object_period;
  return turn < 0.5 ? 2 * turn : 2 - 2 * turn;
}

}  // namespace

void Painter::draw(Canvas& canvas, const Scene& scene, const Sensor& sensor, const FrameMoment& moment) {
  update_look(scene, sensor);
  paint_scene(canvas, scene, moment.sequence);
  if (scene.kind() == Kind::clock) draw_dial(canvas, moment);
  draw_object(canvas, moment);
  draw_texts(canvas, scene, moment);
  draw_code(canvas, moment);
}

void Painter::update_look(const Scene& scene, const Sensor& sensor) {
  if (look_ != 0 && sensor.state() == sensor_state_ && scene == scene_) return;
  ++look_;
  sensor_state_ = sensor.state();
  scene_ = scene;
  const auto nominal = scene.colours();
  for (size_t i = 0; i < nominal.size(); ++i) colours_.set(i, sensor.develop(nominal[i]));
  colours_.set(ColourTable::object, sensor.develop(object_colour));
  colours_.set(ColourTable::bright_dot, sensor.develop(bright_dot_colour));
  colours_.set(ColourTable::dim_dot, sensor.develop(dim_dot_colour));
  colours_.set(ColourTable::black, {});
}

void Painter::paint_scene(Canvas& canvas, const Scene& scene, uint64_t frame) {
  if (canvas.look != look_ || scene.kind() == Kind::noise) {
    canvas.raster.paint(scene, colours_, frame, {0, 0, size_.width, size_.height});
    canvas.look = look_;
  } else {
    for (const Rect& rect : canvas.moved) canvas.raster.paint(scene, colours_, frame, rect);
  }
}

void Painter::cover(Canvas& canvas, Rect rect, size_t colour) {
  canvas.raster.fill(even_rect(rect, size_), colours_[colour]);
}

void Painter::draw_object(Canvas& canvas, const FrameMoment& moment) {
  const int side = std::max(size_.height / 8, 2);
  const int x = static_cast<int>(swing(moment.since_start) * (size_.width - side));
  const Rect rect{x, size_.height * 3 / 4, side, side};
  cover(canvas, rect, ColourTable::object);
  canvas.moved.assign(1, even_rect(rect, size_));  // all else stands where it stood and is drawn over itself
}

// Sixty dots around; those of the minute's past seconds are bright.
void Painter::draw_dial(Canvas& canvas, const FrameMoment& moment) {
  const double radius = size_.height * 0.3;
  const int dot = std::max(size_.height / 60, 2);
  const int second = static_cast<int>(std::chrono::floor<std::chrono::seconds>(moment.capture_wall % minute).count());
  for (int i = 0; i < dial_dots; ++i) {
    const double angle = i * 2 * std::numbers::pi / dial_dots;
    const int x = static_cast<int>(size_.width / 2.0 + radius * std::sin(angle)) - dot / 2;
    const int y = static_cast<int>(size_.height * 0.55 - radius * std::cos(angle)) - dot / 2;
    cover(canvas, {x, y, dot, dot}, i <= second ? ColourTable::bright_dot : ColourTable::dim_dot);
  }
}

void Painter::draw_text(Canvas& canvas, std::string_view text, int x, int y, int scale) {
  const int width = static_cast<int>(text.size()) * glyph_advance * scale;
  cover(canvas, {x - scale, y - scale, width + scale, (glyph_height + 2) * scale}, ColourTable::black);
  for (const char letter : text) {
    const auto rows = glyph(letter);
    for (int row = 0; row < glyph_height; ++row) {
      for (int column = 0; column < glyph_width; ++column) {
        if (rows[static_cast<size_t>(row)] >> (glyph_width - 1 - column) & 1) {
          canvas.raster.fill_level({x + column * scale, y + row * scale, scale, scale}, 255);
        }
      }
    }
    x += glyph_advance * scale;
  }
}

void Painter::draw_texts(Canvas& canvas, const Scene& scene, const FrameMoment& moment) {
  const Text time = time_text(moment.capture_wall);
  const Text line = format_text("#{:08} {}", moment.sequence % 100'000'000, time.view());
  const int scale = std::clamp(std::min(size_.height / 160, size_.width / 160), 1, 8);
  const int below_code = size_.height * (code_rows + 1) / code_height_parts;
  draw_text(canvas, line.view(), 2 * scale, below_code, scale);
  if (scene.kind() != Kind::clock) return;
  const int large = std::max(size_.width / (glyph_advance * 20), 1);
  const int width = static_cast<int>(time.size) * glyph_advance * large;
  draw_text(canvas, time.view(), (size_.width - width) / 2, size_.height * 55 / 100 - glyph_height * large / 2, large);
}

void Painter::draw_code(Canvas& canvas, const FrameMoment& moment) {
  if (size_.width < least_code_size.width || size_.height < least_code_size.height) return;
  const BlockRect last = code_block(size_, 0, code_rows - 1);
  cover(canvas, {0, 0, size_.width, last.y + last.height}, ColourTable::black);
  const CodeBlocks blocks = encode_time_code({static_cast<uint32_t>(moment.sequence), moment.capture_wall});
  for (int row = 0; row < code_rows; ++row) {
    for (int column = 0; column < code_columns; ++column) {
      if (!blocks[static_cast<size_t>(row)][static_cast<size_t>(column)]) continue;
      const BlockRect block = code_block(size_, column, row);
      canvas.raster.fill_level({block.x, block.y, block.width, block.height}, 255);
    }
  }
}

}  // namespace camweave::pattern
