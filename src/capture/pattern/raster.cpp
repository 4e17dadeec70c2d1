#include "capture/pattern/raster.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace camweave::pattern {
namespace {

uint8_t level(double value) { return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0))); }

using Entry = ColourTable::Entry;

void yuyv_line(const ColourTable& colours, const uint8_t* __restrict indices, int width, uint8_t* __restrict out) {
  for (int x = 0; x < width; x += 2) {
    const Entry& left = colours[indices[x]];
    out[2 * x] = left.y;
    out[2 * x + 1] = left.u;
    out[2 * x + 2] = colours[indices[x + 1]].y;
    out[2 * x + 3] = left.v;
  }
}

void luma_line(const ColourTable& colours, const uint8_t* __restrict indices, int width, uint8_t* __restrict out) {
  for (int x = 0; x < width; ++x) out[x] = colours[indices[x]].y;
}

void nv12_chroma_line(const ColourTable& colours, const uint8_t* __restrict indices, int width,
                      uint8_t* __restrict out) {
  for (int x = 0; x < width; x += 2) {
    out[x] = colours[indices[x]].u;
    out[x + 1] = colours[indices[x]].v;
  }
}

void i420_chroma_line(const ColourTable& colours, const uint8_t* __restrict indices, int width, uint8_t* __restrict u,
                      uint8_t* __restrict v) {
  for (int x = 0; x < width / 2; ++x) {
    u[x] = colours[indices[2 * x]].u;
    v[x] = colours[indices[2 * x]].v;
  }
}

void red_line(const ColourTable& colours, const uint8_t* __restrict indices, int width, uint8_t* __restrict out) {
  for (int x = 0; x < width; x += 2) {
    out[x] = colours[indices[x]].r;
    out[x + 1] = colours[indices[x + 1]].g;
  }
}

void blue_line(const ColourTable& colours, const uint8_t* __restrict indices, int width, uint8_t* __restrict out) {
  for (int x = 0; x < width; x += 2) {
    out[x] = colours[indices[x]].g;
    out[x + 1] = colours[indices[x + 1]].b;
  }
}

// a b a b …
void fill_pairs(uint8_t* out, int width, uint8_t a, uint8_t b) {
  for (int x = 0; x < width; x += 2) {
    out[x] = a;
    out[x + 1] = b;
  }
}

}  // namespace

Rect even_rect(Rect rect, Size picture) {
  const int x0 = std::clamp(rect.x, 0, picture.width) & ~1, y0 = std::clamp(rect.y, 0, picture.height) & ~1;
  const int x1 = std::min((std::max(rect.x + rect.width, 0) + 1) & ~1, picture.width);
  const int y1 = std::min((std::max(rect.y + rect.height, 0) + 1) & ~1, picture.height);
  return {x0, y0, std::max(x1 - x0, 0), std::max(y1 - y0, 0)};
}

// BT.601, full range: what JPEG has.
void ColourTable::set(size_t number, Rgb c) {
  entries_[number] = {level(0.299 * c.r + 0.587 * c.g + 0.114 * c.b),
                      level(128 - 0.168736 * c.r - 0.331264 * c.g + 0.5 * c.b),
                      level(128 + 0.5 * c.r - 0.418688 * c.g - 0.081312 * c.b),
                      c.r,
                      c.g,
                      c.b};
}

Raster::Raster(PixelFormat format, Size size) : format_(format), size_(size) {
  const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  switch (format) {
    case PixelFormat::yuyv:
      planes_[0] = {0, width * 2, height};
      break;
    case PixelFormat::nv12:
      planes_ = {{{0, width, height}, {width * height, width, height / 2}}};
      break;
    case PixelFormat::i420:
      planes_ = {{{0, width, height},
                  {width * height, width / 2, height / 2},
                  {width * height * 5 / 4, width / 2, height / 2}}};
      break;
    default:
      planes_[0] = {0, width, height};
      break;
  }
  const PlanePlace& last = *std::ranges::max_element(planes_, {}, &PlanePlace::offset);
  const PlanePlace& end = last.stride == 0 ? planes_[0] : last;
  memory_.resize(end.offset + end.stride * end.rows);
  upper_.resize(width);
  lower_.resize(width);
}

std::array<Plane, 3> Raster::planes() const {
  std::array<Plane, 3> planes{};
  for (size_t i = 0; i < planes.size(); ++i) {
    const PlanePlace& place = planes_[i];
    if (place.rows == 0) continue;
    planes[i] = {reinterpret_cast<const std::byte*>(memory_.data() + place.offset), place.stride,
                 place.stride * place.rows};
  }
  return planes;
}

void Raster::paint(const Scene& scene, const ColourTable& colours, uint64_t frame, Rect even) {
  const auto width = static_cast<size_t>(even.width);
  for (int y = even.y; y < even.y + even.height; y += 2) {
    if (scene.lines_are_equal() && y > even.y) {
      copy_lines(even, even.y, y);
      continue;
    }
    scene.indices(even.x, y, frame, std::span(upper_).first(width));
    scene.indices(even.x, y + 1, frame, std::span(lower_).first(width));
    put_lines(colours, upper_.data(), lower_.data(), even, y);
  }
}

// Two lines at once: 4:2:0 has one line of chroma for both.
void Raster::put_lines(const ColourTable& colours, const uint8_t* upper, const uint8_t* lower, Rect even, int y) {
  const int x = even.x, width = even.width;
  switch (format_) {
    case PixelFormat::yuyv:
      yuyv_line(colours, upper, width, row(0, y) + 2 * x);
      yuyv_line(colours, lower, width, row(0, y + 1) + 2 * x);
      return;
    case PixelFormat::bayer_rggb8:
      red_line(colours, upper, width, row(0, y) + x);
      blue_line(colours, lower, width, row(0, y + 1) + x);
      return;
    case PixelFormat::nv12:
      nv12_chroma_line(colours, upper, width, row(1, y / 2) + x);
      break;
    case PixelFormat::i420:
      i420_chroma_line(colours, upper, width, row(1, y / 2) + x / 2, row(2, y / 2) + x / 2);
      break;
    default:
      break;
  }
  luma_line(colours, upper, width, row(0, y) + x);
  luma_line(colours, lower, width, row(0, y + 1) + x);
}

void Raster::copy_lines(Rect even, int from_y, int to_y) {
  for (size_t plane = 0; plane < planes_.size(); ++plane) {
    const PlanePlace& place = planes_[plane];
    if (place.rows == 0) continue;
    const bool halved = place.rows != static_cast<size_t>(size_.height);
    const size_t begin = static_cast<size_t>(even.x) * place.stride / static_cast<size_t>(size_.width);
    const size_t bytes = static_cast<size_t>(even.width) * place.stride / static_cast<size_t>(size_.width);
    for (int line = 0; line < (halved ? 1 : 2); ++line) {
      const int from = halved ? from_y / 2 : from_y + line, to = halved ? to_y / 2 : to_y + line;
      std::memcpy(row(plane, to) + begin, row(plane, from) + begin, bytes);
    }
  }
}

void Raster::fill(Rect even, const Entry& colour) {
  if (even.width == 0 || even.height == 0) return;
  const auto width = static_cast<size_t>(even.width);
  for (int y = even.y; y < even.y + even.height; ++y) {
    uint8_t* out = row(0, y);
    if (format_ == PixelFormat::yuyv) {
      for (int x = even.x; x < even.x + even.width; x += 2) {
        out[2 * x] = out[2 * x + 2] = colour.y;
        out[2 * x + 1] = colour.u;
        out[2 * x + 3] = colour.v;
      }
    } else if (format_ == PixelFormat::bayer_rggb8) {
      fill_pairs(out + even.x, even.width, y % 2 == 0 ? colour.r : colour.g, y % 2 == 0 ? colour.g : colour.b);
    } else {
      std::memset(out + even.x, colour.y, width);
    }
  }
  for (int y = even.y / 2; y < (even.y + even.height) / 2; ++y) {
    if (format_ == PixelFormat::nv12) fill_pairs(row(1, y) + even.x, even.width, colour.u, colour.v);
    if (format_ != PixelFormat::i420) continue;
    std::memset(row(1, y) + even.x / 2, colour.u, width / 2);
    std::memset(row(2, y) + even.x / 2, colour.v, width / 2);
  }
}

void Raster::fill_level(Rect rect, uint8_t level) {
  const int x0 = std::max(rect.x, 0), x1 = std::min(rect.x + rect.width, size_.width);
  const int y0 = std::max(rect.y, 0), y1 = std::min(rect.y + rect.height, size_.height);
  if (x0 >= x1) return;
  for (int y = y0; y < y1; ++y) {
    if (format_ == PixelFormat::yuyv) {
      for (int x = x0; x < x1; ++x) row(0, y)[2 * x] = level;
    } else {
      std::memset(row(0, y) + x0, level, static_cast<size_t>(x1 - x0));
    }
  }
}

}  // namespace camweave::pattern
