// bench_jpeg OPERATION FOLDER SECONDS: CPU milliseconds per frame of one JPEG operation, on one thread, over the
// pictures of FOLDER. encode-planes is the yardstick: libjpeg-turbo from planes that are ready.
#include <libyuv.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "operation.h"

namespace bench {
namespace {

constexpr size_t kMostPictures = 10;
constexpr int kQuality = 80;
constexpr int kThumbWidth = 640, kThumbHeight = 480;

std::vector<std::vector<unsigned char>> read_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  paths.resize(std::min(paths.size(), kMostPictures));
  std::vector<std::vector<unsigned char>> files;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return files;
}

// Owns what libjpeg-turbo keeps between pictures.
class Turbo {
 public:
  ~Turbo() {
    tjDestroy(decoder_);
    tjDestroy(encoder_);
    tjFree(jpeg_);
  }
  Turbo() = default;
  Turbo(const Turbo&) = delete;
  Turbo& operator=(const Turbo&) = delete;

  void encode(const I420Picture& picture) {
    const unsigned char* planes[3] = {picture.y(), picture.u(), picture.v()};
    const int strides[3] = {picture.width, picture.width / 2, picture.width / 2};
    check(tjCompressFromYUVPlanes(encoder_, planes, picture.width, strides, picture.height, TJSAMP_420, &jpeg_,
                                  &jpeg_bytes_, kQuality, 0));
  }

  // Decodes to the given size, which must be one of libjpeg's fractions of the picture's.
  void decode(const std::vector<unsigned char>& jpeg, I420Picture& out) {
    unsigned char* planes[3] = {out.y(), out.u(), out.v()};
    int strides[3] = {out.width, out.width / 2, out.width / 2};
    check(tjDecompressToYUVPlanes(decoder_, jpeg.data(), static_cast<unsigned long>(jpeg.size()), planes, out.width,
                                  strides, out.height, 0));
  }

  // Width and height.
  std::array<int, 2> size_of(const std::vector<unsigned char>& jpeg) {
    std::array<int, 2> size{};
    int subsampling = 0, colour = 0;
    check(tjDecompressHeader3(decoder_, jpeg.data(), static_cast<unsigned long>(jpeg.size()), &size[0], &size[1],
                              &subsampling, &colour));
    if (subsampling != TJSAMP_420) fail("the pictures must be 4:2:0");
    return size;
  }

 private:
  [[noreturn]] static void fail(const char* why) {
    std::fprintf(stderr, "bench_jpeg: %s\n", why);
    std::exit(1);
  }
  static void check(int result) {
    if (result != 0) fail(tjGetErrorStr());
  }

  tjhandle decoder_ = tjInitDecompress();
  tjhandle encoder_ = tjInitCompress();
  unsigned char* jpeg_ = nullptr;
  unsigned long jpeg_bytes_ = 0;
};

Inputs prepare(Turbo& turbo, const char* folder) {
  Inputs inputs;
  inputs.jpegs = read_folder(folder);
  for (const auto& jpeg : inputs.jpegs) {
    const auto [width, height] = turbo.size_of(jpeg);
    I420Picture& picture = inputs.planes.emplace_back(width, height);
    turbo.decode(jpeg, picture);
    auto& yuyv = inputs.yuyv.emplace_back(static_cast<size_t>(width) * static_cast<size_t>(height) * 2);
    libyuv::I420ToYUY2(picture.y(), width, picture.u(), width / 2, picture.v(), width / 2, yuyv.data(), width * 2,
                       width, height);
  }
  return inputs;
}

double encode_planes(const Inputs& inputs, double seconds) {
  Turbo turbo;
  return time_per_call(seconds, [&](size_t i) { turbo.encode(inputs.planes[i % inputs.planes.size()]); });
}

double encode_yuyv(const Inputs& inputs, double seconds) {
  Turbo turbo;
  I420Picture scratch(inputs.planes[0].width, inputs.planes[0].height);
  return time_per_call(seconds, [&](size_t i) {
    const auto& yuyv = inputs.yuyv[i % inputs.yuyv.size()];
    const int width = scratch.width;
    libyuv::YUY2ToI420(yuyv.data(), width * 2, scratch.y(), width, scratch.u(), width / 2, scratch.v(), width / 2,
                       width, scratch.height);
    turbo.encode(scratch);
  });
}

double thumb(const Inputs& inputs, double seconds) {
  Turbo turbo;
  I420Picture half(inputs.planes[0].width / 2, inputs.planes[0].height / 2);
  I420Picture small(kThumbWidth, kThumbHeight);
  return time_per_call(seconds, [&](size_t i) {
    turbo.decode(inputs.jpegs[i % inputs.jpegs.size()], half);
    libyuv::I420Scale(half.y(), half.width, half.u(), half.width / 2, half.v(), half.width / 2, half.width, half.height,
                      small.y(), small.width, small.u(), small.width / 2, small.v(), small.width / 2, small.width,
                      small.height, libyuv::kFilterBox);
    turbo.encode(small);
  });
}

constexpr std::array kOperations = {Operation{"encode-planes", encode_planes}, Operation{"encode-yuyv", encode_yuyv},
                                    Operation{"thumb", thumb}};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const double seconds = argc == 4 ? std::atof(argv[3]) : 0;
  if (seconds <= 0) return std::fprintf(stderr, "bench_jpeg OPERATION FOLDER SECONDS\n"), 2;
  bench::Turbo turbo;
  const bench::Inputs inputs = bench::prepare(turbo, argv[2]);
  if (inputs.jpegs.empty()) return std::fprintf(stderr, "bench_jpeg: no JPEG in %s\n", argv[2]), 1;
  std::vector<bench::Operation> operations(bench::kOperations.begin(), bench::kOperations.end());
#ifdef BENCH_WITH_CAMWEAVE
  const auto ours = bench::camweave_operations();
  operations.insert(operations.end(), ours.begin(), ours.end());
#endif
  for (const bench::Operation& operation : operations) {
    if (operation.name != argv[1]) continue;
    const double cost_ms = operation.run(inputs, seconds);
    if (cost_ms <= 0) return std::fprintf(stderr, "bench_jpeg: %s failed\n", argv[1]), 1;
    return std::printf("%.6f\n", cost_ms), 0;
  }
  return std::fprintf(stderr, "bench_jpeg: not here: no operation %s in this build\n", argv[1]), 1;
}
