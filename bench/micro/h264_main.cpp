// bench_h264 cpu|latency FILE WIDTH HEIGHT SECONDS: the worker's x264 over the raw I420 pictures of FILE at 30 fps and
// 4 Mbit/s. cpu: CPU milliseconds per frame, of all its threads. latency: median wall milliseconds from picture to
// packet.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string_view>
#include <vector>

#ifdef BENCH_WITH_CAMWEAVE
#include "encode/h264/h264_encoder.h"
#endif

#ifdef BENCH_WITH_CAMWEAVE
namespace {

using camweave::Frame;

constexpr int kFps = 30, kBitrateKbps = 4000;
constexpr size_t kMostPictures = 60;

double now_ms(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

std::vector<std::vector<std::byte>> read_pictures(const char* path, size_t picture_bytes) {
  std::vector<std::vector<std::byte>> pictures;
  std::ifstream file(path, std::ios::binary);
  std::vector<std::byte> picture(picture_bytes);
  while (pictures.size() < kMostPictures &&
         file.read(reinterpret_cast<char*>(picture.data()), static_cast<std::streamsize>(picture_bytes))) {
    pictures.push_back(picture);
  }
  return pictures;
}

Frame frame_of(const std::vector<std::byte>& picture, camweave::Size size, size_t number) {
  Frame frame;
  frame.format = camweave::PixelFormat::i420;
  frame.size = size;
  const auto width = static_cast<size_t>(size.width), height = static_cast<size_t>(size.height);
  const std::byte* at = picture.data();
  frame.planes[0] = {at, width, width * height};
  frame.planes[1] = {at + width * height, width / 2, width * height / 4};
  frame.planes[2] = {at + width * height * 5 / 4, width / 2, width * height / 4};
  frame.capture_time = camweave::from_nanoseconds(1'000'000'000 + static_cast<int64_t>(number) * 1'000'000'000 / kFps);
  return frame;
}

int measure(bool is_latency, const char* path, camweave::Size size, double seconds) {
  const auto pictures = read_pictures(path, static_cast<size_t>(size.width) * static_cast<size_t>(size.height) * 3 / 2);
  if (pictures.empty()) return std::fprintf(stderr, "bench_h264: no picture in %s\n", path), 1;
  const camweave::Rendition rendition{
      .codec = camweave::Codec::h264, .fps_milli = kFps * 1000, .bitrate_kbps = kBitrateKbps};
  const camweave::H264Devices no_hardware{"", ""};
  auto encoder = camweave::make_h264_encoder(rendition, frame_of(pictures[0], size, 0), no_hardware);
  if (!encoder) return std::fprintf(stderr, "bench_h264: %s\n", encoder.error().message.c_str()), 1;
  std::vector<std::byte> out(size_t{8} << 20);
  std::vector<double> latencies_ms;
  const double cpu_began = now_ms(CLOCK_PROCESS_CPUTIME_ID), began = now_ms(CLOCK_MONOTONIC);
  size_t frames = 0;
  // Whole passes: the same pictures for every contender.
  while (now_ms(CLOCK_MONOTONIC) - began < seconds * 1e3 || frames % pictures.size() != 0) {
    const Frame frame = frame_of(pictures[frames % pictures.size()], size, frames);
    const double given = now_ms(CLOCK_MONOTONIC);
    const auto encoded = (*encoder)->encode(frame, out);
    latencies_ms.push_back(now_ms(CLOCK_MONOTONIC) - given);
    if (!encoded || encoded->size_bytes == 0) return std::fprintf(stderr, "bench_h264: no packet\n"), 1;
    ++frames;
  }
  const double cpu_ms = (now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_began) / static_cast<double>(frames);
  std::nth_element(latencies_ms.begin(), latencies_ms.begin() + static_cast<std::ptrdiff_t>(frames / 2),
                   latencies_ms.end());
  return std::printf("%.6f\n", is_latency ? latencies_ms[frames / 2] : cpu_ms), 0;
}

}  // namespace
#endif

int main(int argc, char** argv) {
  const double seconds = argc == 6 ? std::atof(argv[5]) : 0;
  if (seconds <= 0) return std::fprintf(stderr, "bench_h264 cpu|latency FILE WIDTH HEIGHT SECONDS\n"), 2;
#ifdef BENCH_WITH_CAMWEAVE
  return measure(std::string_view(argv[1]) == "latency", argv[2], {std::atoi(argv[3]), std::atoi(argv[4])}, seconds);
#else
  return std::fprintf(stderr, "bench_h264: not here: this build has no encoder\n"), 1;
#endif
}
