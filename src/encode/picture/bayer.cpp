#include "encode/picture/bayer.h"

#include <algorithm>
#include <cstring>

namespace camweave {
namespace {

// BT.601, full range, 8 bits after the point; the coefficients keep every sum within 16 bits.
void luma_line(const uint8_t* __restrict r, const uint8_t* __restrict g, const uint8_t* __restrict b, int width,
               uint8_t* __restrict y) {
  for (int x = 0; x < width; ++x) {
    const auto sum = static_cast<uint16_t>(77 * r[x] + 150 * g[x] + 29 * b[x] + 128);
    y[x] = static_cast<uint8_t>(sum >> 8);
  }
}

// The mean of 2×2 pixels of two lines; `width` counts the pixels of the lines.
void mean_line(const uint8_t* __restrict upper, const uint8_t* __restrict lower, int width, uint8_t* __restrict out) {
  const int pairs = width / 2;
  for (int x = 0; x < pairs; ++x) {
    const int sum = upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1];
    out[x] = static_cast<uint8_t>((sum + 2) >> 2);
  }
  if (width % 2 != 0) out[pairs] = static_cast<uint8_t>((upper[width - 1] + lower[width - 1] + 1) >> 1);
}

void chroma_line(const uint8_t* __restrict r, const uint8_t* __restrict g, const uint8_t* __restrict b, int width,
                 uint8_t* __restrict u, uint8_t* __restrict v) {
  for (int x = 0; x < width; ++x) {
    const auto blue = static_cast<int16_t>(-43 * r[x] - 84 * g[x] + 127 * b[x] + 128);
    const auto red = static_cast<int16_t>(127 * r[x] - 106 * g[x] - 21 * b[x] + 128);
    u[x] = static_cast<uint8_t>((blue >> 8) + 128);
    v[x] = static_cast<uint8_t>((red >> 8) + 128);
  }
}

// -1 → 1 and n → n - 2: a neighbour of the same colour.
int mirrored(int index, int count) {
  if (index < 0) index = -index;
  if (index >= count) index = 2 * count - 2 - index;
  return std::clamp(index, 0, count - 1);
}

}  // namespace

BayerSource bayer_source(PixelFormat format, const uint8_t* data, int stride, Size size) {
  BayerSource source{data, stride, size, 0, 0};
  source.red_x = format == PixelFormat::bayer_grbg8 || format == PixelFormat::bayer_bggr8 ? 1 : 0;
  source.red_y = format == PixelFormat::bayer_gbrg8 || format == PixelFormat::bayer_bggr8 ? 1 : 0;
  return source;
}

void BayerConverter::RgbLine::resize(int width) {
  const auto size = static_cast<size_t>(width);
  r.resize(size);
  g.resize(size);
  b.resize(size);
}

// Two lines at a time: each gives its luma, both together the chroma.
template <typename MakeLine>
void BayerConverter::convert(Size size, PlanesBuffer& out, MakeLine make_line) {
  out.resize(size, /*grey=*/false);
  upper_.resize(size.width);
  lower_.resize(size.width);
  mean_.resize(half_size(size).width);
  const int chroma_width = half_size(size).width;
  for (int y = 0; y < size.height; y += 2) {
    make_line(y, upper_);
    luma_line(upper_.r.data(), upper_.g.data(), upper_.b.data(), size.width, out.y.row(y));
    if (y + 1 < size.height) {
      make_line(y + 1, lower_);
      luma_line(lower_.r.data(), lower_.g.data(), lower_.b.data(), size.width, out.y.row(y + 1));
    } else {
      lower_ = upper_;
    }
    mean_line(upper_.r.data(), lower_.r.data(), size.width, mean_.r.data());
    mean_line(upper_.g.data(), lower_.g.data(), size.width, mean_.g.data());
    mean_line(upper_.b.data(), lower_.b.data(), size.width, mean_.b.data());
    chroma_line(mean_.r.data(), mean_.g.data(), mean_.b.data(), chroma_width, out.u.row(y / 2), out.v.row(y / 2));
  }
}

void BayerConverter::superpixel_line(const BayerSource& source, int line, RgbLine& out) const {
  const uint8_t* red_row = source.data + static_cast<ptrdiff_t>(2 * line + source.red_y) * source.stride;
  const uint8_t* blue_row = source.data + static_cast<ptrdiff_t>(2 * line + 1 - source.red_y) * source.stride;
  const uint8_t* __restrict red = red_row + source.red_x;
  const uint8_t* __restrict green_of_red = red_row + (1 - source.red_x);
  const uint8_t* __restrict blue = blue_row + (1 - source.red_x);
  const uint8_t* __restrict green_of_blue = blue_row + source.red_x;
  uint8_t* __restrict r = out.r.data();
  uint8_t* __restrict g = out.g.data();
  uint8_t* __restrict b = out.b.data();
  const int width = source.size.width / 2;
  for (int x = 0; x < width; ++x) {
    r[x] = red[2 * x];
    g[x] = static_cast<uint8_t>((green_of_red[2 * x] + green_of_blue[2 * x] + 1) >> 1);
    b[x] = blue[2 * x];
  }
}

void BayerConverter::to_half_i420(const BayerSource& source, PlanesBuffer& out) {
  const Size size{source.size.width / 2, source.size.height / 2};
  convert(size, out, [&](int y, RgbLine& line) { superpixel_line(source, y, line); });
}

// One line with a mirrored pixel on either side: index x + 1.
void BayerConverter::load_padded(const BayerSource& source, int y, std::vector<uint8_t>& line) const {
  const int width = source.size.width;
  const uint8_t* row = source.data + static_cast<ptrdiff_t>(mirrored(y, source.size.height)) * source.stride;
  line.resize(static_cast<size_t>(width) + 2);
  line.front() = row[mirrored(-1, width)];
  std::memcpy(line.data() + 1, row, static_cast<size_t>(width));
  line.back() = row[mirrored(width, width)];
}

void BayerConverter::demosaic_line(const BayerSource& source, int y, RgbLine& out) {
  load_padded(source, y - 1, above_);
  load_padded(source, y, here_);
  load_padded(source, y + 1, below_);
  const bool red_line = (y & 1) == source.red_y;
  const int own_x = red_line ? source.red_x : 1 - source.red_x;  // where this line's own colour lies
  uint8_t* __restrict own = red_line ? out.r.data() : out.b.data();
  uint8_t* __restrict other = red_line ? out.b.data() : out.r.data();
  uint8_t* __restrict green = out.g.data();
  const uint8_t* __restrict above = above_.data() + 1;
  const uint8_t* __restrict here = here_.data() + 1;
  const uint8_t* __restrict below = below_.data() + 1;
  for (int x = own_x; x < source.size.width; x += 2) {
    own[x] = here[x];
    green[x] = static_cast<uint8_t>((here[x - 1] + here[x + 1] + above[x] + below[x] + 2) >> 2);
    other[x] = static_cast<uint8_t>((above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1] + 2) >> 2);
  }
  for (int x = 1 - own_x; x < source.size.width; x += 2) {
    green[x] = here[x];
    own[x] = static_cast<uint8_t>((here[x - 1] + here[x + 1] + 1) >> 1);
    other[x] = static_cast<uint8_t>((above[x] + below[x] + 1) >> 1);
  }
}

void BayerConverter::to_i420(const BayerSource& source, PlanesBuffer& out) {
  convert(source.size, out, [&](int y, RgbLine& line) { demosaic_line(source, y, line); });
}

}  // namespace camweave
