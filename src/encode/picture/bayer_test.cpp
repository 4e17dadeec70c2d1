// Mosaics of known colours come out as those colours, wherever red lies and whatever the size.
#include "encode/picture/bayer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace camweave {
namespace {

struct Colour {
  int r, g, b;
};

constexpr PixelFormat formats[] = {PixelFormat::bayer_rggb8, PixelFormat::bayer_grbg8, PixelFormat::bayer_gbrg8,
                                   PixelFormat::bayer_bggr8};

std::vector<uint8_t> mosaic(PixelFormat format, Size size, Colour colour) {
  const BayerSource at = bayer_source(format, nullptr, 0, size);
  std::vector<uint8_t> pixels(static_cast<size_t>(size.width) * static_cast<size_t>(size.height));
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const bool red_row = (y & 1) == at.red_y, red_column = (x & 1) == at.red_x;
      const int level = red_row == red_column ? (red_row ? colour.r : colour.b) : colour.g;
      pixels[static_cast<size_t>(y * size.width + x)] = static_cast<uint8_t>(level);
    }
  }
  return pixels;
}

void expect_colour(const PicturePlanes& planes, Colour c) {
  const double y = 0.299 * c.r + 0.587 * c.g + 0.114 * c.b;
  const double u = 128 + 0.564 * (c.b - y), v = 128 + 0.713 * (c.r - y);
  const auto check = [](PlaneView plane, double wanted) {
    for (int row = 0; row < plane.height; ++row) {
      for (int x = 0; x < plane.width; ++x) {
        ASSERT_NEAR(plane.data[row * plane.stride + x], wanted, 2.0) << "at " << x << "," << row;
      }
    }
  };
  check(planes.y, y);
  check(planes.u, u);
  check(planes.v, v);
}

TEST(Bayer, EveryOrderAndSizeGivesTheColour) {
  constexpr Colour colours[] = {{200, 40, 90}, {0, 0, 255}, {255, 0, 0}, {255, 255, 255}, {0, 255, 0}};
  BayerConverter converter;
  PlanesBuffer out;
  for (const PixelFormat format : formats) {
    for (const Size size : {Size{64, 32}, Size{34, 18}, Size{6, 6}, Size{2, 2}, Size{15, 11}}) {
      for (const Colour colour : colours) {
        const auto pixels = mosaic(format, size, colour);
        const BayerSource source = bayer_source(format, pixels.data(), size.width, size);
        converter.to_half_i420(source, out);
        EXPECT_EQ(out.view(false).size(), (Size{size.width / 2, size.height / 2}));
        expect_colour(out.view(false), colour);
        if (size.width < 3) continue;  // no neighbours to interpolate from
        converter.to_i420(source, out);
        EXPECT_EQ(out.view(false).size(), size);
        expect_colour(out.view(false), colour);
      }
    }
  }
}

// A step from black to white must stand at the same place after demosaicing.
TEST(Bayer, EdgesStayWhereTheyAre) {
  const Size size{32, 16};
  std::vector<uint8_t> pixels(32 * 16);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = i % 32 < 16 ? 0 : 255;
  BayerConverter converter;
  PlanesBuffer out;
  converter.to_i420(bayer_source(PixelFormat::bayer_rggb8, pixels.data(), 32, size), out);
  const uint8_t* row = out.y.row(8);
  EXPECT_LT(row[14], 20);
  EXPECT_GT(row[17], 235);
  converter.to_half_i420(bayer_source(PixelFormat::bayer_rggb8, pixels.data(), 32, size), out);
  EXPECT_EQ(out.y.row(4)[7], 0);
  EXPECT_EQ(out.y.row(4)[8], 255);
}

}  // namespace
}  // namespace camweave
