// Frames of every format become JPEGs that an independent decoder (TurboJPEG) reads with the right size, colours and
// orientation; damaged frames are refused.
#include "encode/jpeg/jpeg_encoder.h"

#include <gtest/gtest.h>
#include <turbojpeg.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <vector>

#include "encode/encoder.h"
#include "encode/jpeg/jpeg_compressor.h"

namespace {
std::atomic<long> allocations{0};
}
// Counts what our side allocates; libjpeg's own memory is malloc's.
void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace camweave {
namespace {

struct Rgb {
  int r, g, b;
};
// Top left, top right, bottom left, bottom right.
constexpr Rgb quadrants[4] = {{200, 30, 30}, {30, 180, 40}, {40, 50, 210}, {220, 210, 60}};

struct TestFrame {
  std::vector<uint8_t> memory;
  Frame frame;
};

Rgb colour_at(Size size, int x, int y) {
  return quadrants[(y >= size.height / 2 ? 2 : 0) + (x >= size.width / 2 ? 1 : 0)];
}

struct Yuv {
  uint8_t y, u, v;
};
Yuv to_yuv(Rgb c, bool full_range) {
  const double y = 0.299 * c.r + 0.587 * c.g + 0.114 * c.b;
  const double u = 0.564 * (c.b - y), v = 0.713 * (c.r - y);
  const auto level = [](double value) { return static_cast<uint8_t>(std::lround(value)); };
  if (full_range) return {level(y), level(128 + u), level(128 + v)};
  return {level(16 + y * 219 / 255), level(128 + u * 224 / 255), level(128 + v * 224 / 255)};
}

void set_plane(TestFrame& out, size_t index, size_t offset, size_t stride, size_t rows) {
  out.frame.planes[index] = {reinterpret_cast<const std::byte*>(out.memory.data() + offset), stride, stride * rows};
}

uint8_t bayer_level(PixelFormat format, Rgb c, int x, int y) {
  const bool red_x = format == PixelFormat::bayer_grbg8 || format == PixelFormat::bayer_bggr8;
  const bool red_y = format == PixelFormat::bayer_gbrg8 || format == PixelFormat::bayer_bggr8;
  const bool in_red_column = ((x & 1) != 0) == red_x, in_red_row = ((y & 1) != 0) == red_y;
  return static_cast<uint8_t>(in_red_column != in_red_row ? c.g : (in_red_row ? c.r : c.b));
}

TestFrame make_packed(PixelFormat format, Size size, bool full_range) {
  TestFrame out;
  const bool is_rgb = format == PixelFormat::rgb24 || format == PixelFormat::bgr24;
  const bool is_one_byte = format == PixelFormat::grey || is_bayer(format);
  const size_t stride = (is_one_byte ? static_cast<size_t>(size.width)
                         : is_rgb    ? static_cast<size_t>(size.width) * 3
                                     : static_cast<size_t>(size.width + 1) / 2 * 4) +
                        12;
  out.memory.resize(stride * static_cast<size_t>(size.height));
  for (int y = 0; y < size.height; ++y) {
    uint8_t* row = out.memory.data() + static_cast<size_t>(y) * stride;
    for (int x = 0; x < size.width; ++x) {
      const Rgb c = colour_at(size, x, y);
      const Yuv yuv = to_yuv(c, full_range);
      uint8_t* pair = row + x / 2 * 4;
      switch (format) {
        case PixelFormat::yuyv:
          pair[x % 2 * 2] = yuv.y;
          pair[1] = yuv.u;
          pair[3] = yuv.v;
          break;
        case PixelFormat::uyvy:
          pair[x % 2 * 2 + 1] = yuv.y;
          pair[0] = yuv.u;
          pair[2] = yuv.v;
          break;
        case PixelFormat::rgb24:
          row[3 * x] = static_cast<uint8_t>(c.r);
          row[3 * x + 1] = static_cast<uint8_t>(c.g);
          row[3 * x + 2] = static_cast<uint8_t>(c.b);
          break;
        case PixelFormat::bgr24:
          row[3 * x] = static_cast<uint8_t>(c.b);
          row[3 * x + 1] = static_cast<uint8_t>(c.g);
          row[3 * x + 2] = static_cast<uint8_t>(c.r);
          break;
        case PixelFormat::grey:
          row[x] = yuv.y;
          break;
        default:
          row[x] = bayer_level(format, c, x, y);
          break;
      }
    }
  }
  set_plane(out, 0, 0, stride, static_cast<size_t>(size.height));
  return out;
}

TestFrame make_planar(PixelFormat format, Size size, bool full_range) {
  TestFrame out;
  const size_t width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  const size_t half_width = (width + 1) / 2, half_height = (height + 1) / 2;
  out.memory.resize(width * height + 2 * half_width * half_height);
  uint8_t* chroma = out.memory.data() + width * height;
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const Yuv yuv = to_yuv(colour_at(size, x, y), full_range);
      out.memory[static_cast<size_t>(y) * width + static_cast<size_t>(x)] = yuv.y;
      const size_t at = static_cast<size_t>(y / 2) * half_width + static_cast<size_t>(x / 2);
      if (format == PixelFormat::nv12) {
        chroma[2 * at] = yuv.u;
        chroma[2 * at + 1] = yuv.v;
      } else {
        chroma[at] = yuv.u;
        chroma[half_width * half_height + at] = yuv.v;
      }
    }
  }
  set_plane(out, 0, 0, width, height);
  if (format == PixelFormat::nv12) {
    set_plane(out, 1, width * height, 2 * half_width, half_height);
  } else {
    set_plane(out, 1, width * height, half_width, half_height);
    set_plane(out, 2, width * height + half_width * half_height, half_width, half_height);
  }
  return out;
}

TestFrame make_jpeg(Size size, int subsampling, int flags = 0) {
  const TestFrame rgb = make_packed(PixelFormat::rgb24, size, true);
  unsigned char* jpeg = nullptr;
  unsigned long jpeg_size = 0;
  tjhandle handle = tjInitCompress();
  EXPECT_EQ(tjCompress2(handle, rgb.memory.data(), size.width, static_cast<int>(rgb.frame.planes[0].stride_bytes),
                        size.height, TJPF_RGB, &jpeg, &jpeg_size, subsampling, 92, flags),
            0);
  TestFrame out;
  out.memory.assign(jpeg, jpeg + jpeg_size);
  tjFree(jpeg);
  tjDestroy(handle);
  out.frame.planes[0] = {reinterpret_cast<const std::byte*>(out.memory.data()), 0, out.memory.size()};
  return out;
}

TestFrame make_frame(PixelFormat format, Size size, bool full_range = true) {
  TestFrame out;
  if (format == PixelFormat::jpeg) {
    out = make_jpeg(size, TJSAMP_420);
  } else if (format == PixelFormat::nv12 || format == PixelFormat::i420) {
    out = make_planar(format, size, full_range);
  } else {
    out = make_packed(format, size, full_range);
  }
  out.frame.format = format;
  out.frame.size = size;
  out.frame.full_range = full_range;
  return out;
}

struct Picture {
  Size size{};
  bool grey = false;
  std::vector<uint8_t> rgb;
  // The mean of a tenth of the picture each way around a point given in parts of it.
  Rgb mean(double x, double y) const {
    const int x0 = static_cast<int>((x - 0.05) * size.width),
              x1 = std::max(x0 + 1, static_cast<int>((x + 0.05) * size.width));
    const int y0 = static_cast<int>((y - 0.05) * size.height),
              y1 = std::max(y0 + 1, static_cast<int>((y + 0.05) * size.height));
    std::array<int, 3> sum{};
    for (int row = y0; row < y1; ++row) {
      for (int column = x0; column < x1; ++column) {
        const size_t at =
            (static_cast<size_t>(row) * static_cast<size_t>(size.width) + static_cast<size_t>(column)) * 3;
        for (size_t i = 0; i < 3; ++i) sum[i] += rgb[at + i];
      }
    }
    const int count = (x1 - x0) * (y1 - y0);
    return {sum[0] / count, sum[1] / count, sum[2] / count};
  }
};

Picture decode(std::span<const std::byte> jpeg) {
  Picture picture;
  tjhandle handle = tjInitDecompress();
  const auto* data = reinterpret_cast<const unsigned char*>(jpeg.data());
  int subsampling = 0, colour_space = 0;
  EXPECT_EQ(tjDecompressHeader3(handle, data, jpeg.size(), &picture.size.width, &picture.size.height, &subsampling,
                                &colour_space),
            0);
  picture.grey = colour_space == TJCS_GRAY;
  picture.rgb.resize(static_cast<size_t>(picture.size.width) * static_cast<size_t>(picture.size.height) * 3);
  EXPECT_EQ(tjDecompress2(handle, data, jpeg.size(), picture.rgb.data(), picture.size.width, 0, picture.size.height,
                          TJPF_RGB, 0),
            0)
      << tjGetErrorStr2(handle);
  tjDestroy(handle);
  return picture;
}

struct Outcome {
  Result<EncodedPicture> encoded;
  Picture picture;
};

Outcome encode(const Frame& frame, const Rendition& rendition) {
  auto encoder = make_encoder(rendition, frame);
  EXPECT_TRUE(encoder.ok());
  std::vector<std::byte> out(4 << 20);
  auto encoded = (*encoder)->encode(frame, out);
  Picture picture;
  if (encoded) {
    picture = decode(std::span(out).first(encoded->size_bytes));
    EXPECT_EQ(encoded->size, picture.size);
  }
  return {encoded, picture};
}

void expect_near(Rgb seen, Rgb wanted, const std::string& where) {
  EXPECT_NEAR(seen.r, wanted.r, 6) << where;
  EXPECT_NEAR(seen.g, wanted.g, 6) << where;
  EXPECT_NEAR(seen.b, wanted.b, 6) << where;
}

// `order`: which quadrant stands top left, top right, bottom left, bottom right.
void expect_quadrants(const Picture& picture, std::array<int, 4> order, const std::string& what) {
  for (size_t i = 0; i < 4; ++i) {
    Rgb wanted = quadrants[order[i]];
    if (picture.grey) {
      const int y = to_yuv(wanted, true).y;
      wanted = {y, y, y};
    }
    expect_near(picture.mean(i % 2 ? 0.75 : 0.25, i / 2 ? 0.75 : 0.25), wanted,
                what + " quadrant " + std::to_string(i));
  }
}
constexpr std::array<int, 4> upright{0, 1, 2, 3};

constexpr PixelFormat all_formats[] = {PixelFormat::yuyv,        PixelFormat::uyvy,        PixelFormat::nv12,
                                       PixelFormat::i420,        PixelFormat::rgb24,       PixelFormat::bgr24,
                                       PixelFormat::grey,        PixelFormat::bayer_rggb8, PixelFormat::bayer_grbg8,
                                       PixelFormat::bayer_gbrg8, PixelFormat::bayer_bggr8, PixelFormat::jpeg};

TEST(JpegEncoder, EveryFormatKeepsItsColours) {
  for (const PixelFormat format : all_formats) {
    const TestFrame source = make_frame(format, {320, 240});
    const auto [encoded, picture] = encode(source.frame, {});
    ASSERT_TRUE(encoded.ok()) << to_string(format) << encoded.error().message;
    EXPECT_EQ(picture.size, (Size{320, 240})) << to_string(format);
    EXPECT_EQ(picture.grey, format == PixelFormat::grey);
    expect_quadrants(picture, upright, to_string(format));
  }
}

TEST(JpegEncoder, EveryFormatIsScaledAndTurned) {
  for (const PixelFormat format : all_formats) {
    const TestFrame source = make_frame(format, {320, 240});
    const std::pair<int, std::array<int, 4>> turns[] = {
        {0, {0, 1, 2, 3}}, {90, {2, 0, 3, 1}}, {180, {3, 2, 1, 0}}, {270, {1, 3, 0, 2}}};
    for (const auto& [rotation, order] : turns) {
      for (const Size size : {Size{100, 72}, Size{160, 120}, Size{57, 33}}) {
        const auto [encoded, picture] = encode(source.frame, {.size = size, .quality = 95, .rotation = rotation});
        ASSERT_TRUE(encoded.ok()) << to_string(format) << encoded.error().message;
        EXPECT_EQ(picture.size, size);
        expect_quadrants(picture, order, to_string(format) + std::string(" turned by ") + std::to_string(rotation));
      }
    }
  }
}

TEST(JpegEncoder, OddSizesKeepTheirEdges) {
  for (const PixelFormat format : all_formats) {
    if (is_bayer(format)) continue;
    for (const Size size : {Size{321, 241}, Size{33, 17}, Size{8, 8}, Size{7, 9}}) {
      const TestFrame source = make_frame(format, size);
      const auto [encoded, picture] = encode(source.frame, {.quality = 95});
      ASSERT_TRUE(encoded.ok()) << to_string(format) << encoded.error().message;
      ASSERT_EQ(picture.size, size) << to_string(format);
      if (size.width > 16) expect_quadrants(picture, upright, to_string(format));
    }
  }
}

TEST(JpegEncoder, VideoLevelsAreSpread) {
  for (const PixelFormat format :
       {PixelFormat::yuyv, PixelFormat::uyvy, PixelFormat::nv12, PixelFormat::i420, PixelFormat::grey}) {
    const TestFrame source = make_frame(format, {320, 240}, /*full_range=*/false);
    const auto [encoded, picture] = encode(source.frame, {.size = {160, 120}});
    ASSERT_TRUE(encoded.ok());
    expect_quadrants(picture, upright, to_string(format));
  }
}

TEST(JpegEncoder, CamerasJpegsOfEverySamplingAreRead) {
  for (const int subsampling : {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_411, TJSAMP_GRAY}) {
    for (const int flags : {0, TJFLAG_PROGRESSIVE}) {
      for (const Size wanted : {Size{}, Size{320, 240}, Size{160, 120}, Size{80, 60}, Size{40, 30}, Size{333, 111}}) {
        TestFrame source = make_jpeg({642, 482}, subsampling, flags);
        source.frame.format = PixelFormat::jpeg;
        source.frame.size = {642, 482};
        const auto [encoded, picture] = encode(source.frame, {.size = wanted, .quality = 95});
        ASSERT_TRUE(encoded.ok()) << subsampling << " " << encoded.error().message;
        EXPECT_EQ(picture.size, wanted.empty() ? (Size{642, 482}) : wanted);
        expect_quadrants(picture, upright, "sampling " + std::to_string(subsampling));
      }
    }
  }
}

TEST(JpegEncoder, DamagedJpegsAreRefusedAndTheNextIsRead) {
  TestFrame good = make_frame(PixelFormat::jpeg, {320, 240});
  auto encoder = make_encoder({.size = {160, 120}}, good.frame);
  ASSERT_TRUE(encoder.ok());
  std::vector<std::byte> out(1 << 20);
  for (const double part : {0.0, 0.01, 0.2, 0.5, 0.9, 0.98}) {
    Frame torn = good.frame;
    torn.planes[0].size_bytes = static_cast<size_t>(static_cast<double>(good.memory.size()) * part);
    const auto encoded = (*encoder)->encode(torn, out);
    ASSERT_FALSE(encoded.ok()) << part;
    EXPECT_EQ(encoded.error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE((*encoder)->encode(good.frame, out).ok());
  }
  TestFrame noise = good;
  for (size_t i = 300; i < noise.memory.size(); ++i) noise.memory[i] = static_cast<uint8_t>(i * 37);
  noise.frame.planes[0].data = reinterpret_cast<const std::byte*>(noise.memory.data());
  EXPECT_FALSE((*encoder)->encode(noise.frame, out).ok());
  EXPECT_TRUE((*encoder)->encode(good.frame, out).ok());
}

TEST(JpegEncoder, ShortBuffersAreRefused) {
  for (const PixelFormat format : all_formats) {
    if (format == PixelFormat::jpeg) continue;
    TestFrame source = make_frame(format, {64, 48});
    auto encoder = make_encoder({}, source.frame);
    std::vector<std::byte> out(1 << 20);
    source.frame.planes[0].size_bytes -= 20;
    EXPECT_EQ((*encoder)->encode(source.frame, out).error().code, ErrorCode::invalid_argument) << to_string(format);
    source.frame.size = {0, 48};
    EXPECT_FALSE((*encoder)->encode(source.frame, out).ok());
  }
}

TEST(JpegEncoder, WhatDoesNotFitIsExhaustedAndTheNextFits) {
  const TestFrame source = make_frame(PixelFormat::yuyv, {640, 480});
  auto encoder = make_encoder({.quality = 95}, source.frame);
  std::vector<std::byte> out(1 << 20);
  const auto whole = (*encoder)->encode(source.frame, out);
  ASSERT_TRUE(whole.ok());
  for (const size_t room : {size_t{0}, size_t{1}, size_t{100}, whole->size_bytes - 1}) {
    EXPECT_EQ((*encoder)->encode(source.frame, std::span(out).first(room)).error().code, ErrorCode::exhausted) << room;
  }
  EXPECT_TRUE((*encoder)->encode(source.frame, std::span(out).first(whole->size_bytes + 1)).ok());
}

TEST(JpegEncoder, QualityDecidesTheSize) {
  TestFrame source = make_frame(PixelFormat::grey, {320, 240});
  for (size_t i = 0; i < source.memory.size(); ++i) source.memory[i] = static_cast<uint8_t>(i * i * 31);
  const auto low = encode(source.frame, {.quality = 20}).encoded->size_bytes;
  const auto usual = encode(source.frame, {}).encoded->size_bytes;
  const auto high = encode(source.frame, {.quality = 100}).encoded->size_bytes;
  EXPECT_LT(low * 2, usual);
  EXPECT_LT(usual, high);
}

TEST(JpegEncoder, AllocatesNothingOnceWarm) {
  for (const PixelFormat format : all_formats) {
    const TestFrame source = make_frame(format, {320, 240});
    auto encoder = make_encoder({.size = {150, 110}, .rotation = 90}, source.frame);
    std::vector<std::byte> out(1 << 20);
    ASSERT_TRUE((*encoder)->encode(source.frame, out).ok());
    const long before = allocations;
    for (int i = 0; i < 5; ++i) EXPECT_TRUE((*encoder)->encode(source.frame, out).ok());
    EXPECT_EQ(allocations, before) << to_string(format);
  }
}

TEST(EncoderTable, WhatIsMissingIsNamed) {
  const TestFrame raw = make_frame(PixelFormat::grey, {16, 16});
  EXPECT_STREQ((*make_encoder({}, raw.frame))->name(), "libjpeg-turbo");
  Frame h264;
  h264.format = PixelFormat::h264;
  EXPECT_EQ(make_encoder({}, h264).error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace camweave
