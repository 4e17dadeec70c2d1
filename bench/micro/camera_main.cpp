// bench_camera OPERATION DEVICE SECONDS: CPU milliseconds per frame of a V4L2 program that does the least: the yardstick for
// Camweave's driver, on the same camera (bench/shim, whose own share is in all of them).
//   take     dequeue and queue again
//   copy     … and copy the frame, as a server must that hands it to another process
//   encode   … and make a JPEG of YUYV: libyuv to planes, libjpeg-turbo from them
#include <fcntl.h>
#include <libyuv.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <turbojpeg.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

#include "yuv_picture.h"

namespace bench {
namespace {

constexpr uint32_t kBuffers = 4;
constexpr int kQuality = 80;
constexpr int kWarmUpFrames = 10;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "bench_camera: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct Frame {
  const unsigned char* bytes;
  size_t size;
};

// Four mapped buffers, streaming.
class Camera {
 public:
  explicit Camera(const char* path) : fd_(::open(path, O_RDWR | O_NONBLOCK)) {
    if (fd_ < 0) fail(path);
    v4l2_format format{};
    format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    call(VIDIOC_G_FMT, &format, "VIDIOC_G_FMT");
    width = static_cast<int>(format.fmt.pix.width);
    height = static_cast<int>(format.fmt.pix.height);
    v4l2_requestbuffers request{};
    request.count = kBuffers;
    request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    request.memory = V4L2_MEMORY_MMAP;
    call(VIDIOC_REQBUFS, &request, "VIDIOC_REQBUFS");
    for (uint32_t i = 0; i < kBuffers; ++i) map(i);
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    call(VIDIOC_STREAMON, &type, "VIDIOC_STREAMON");
  }

  // Waits for the next frame, has it used, and gives its buffer back.
  template <typename Use>
  void take(const Use& use) {
    v4l2_buffer buffer = description(0);
    while (::ioctl(fd_, VIDIOC_DQBUF, &buffer) != 0) {
      if (errno != EAGAIN) fail("VIDIOC_DQBUF");
      pollfd wait{fd_, POLLIN, 0};
      ::poll(&wait, 1, -1);
    }
    use(Frame{memory_[buffer.index], buffer.bytesused});
    call(VIDIOC_QBUF, &buffer, "VIDIOC_QBUF");
  }

  int width = 0, height = 0;

 private:
  static v4l2_buffer description(uint32_t index) {
    v4l2_buffer buffer{};
    buffer.index = index;
    buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer.memory = V4L2_MEMORY_MMAP;
    return buffer;
  }

  void map(uint32_t index) {
    v4l2_buffer buffer = description(index);
    call(VIDIOC_QUERYBUF, &buffer, "VIDIOC_QUERYBUF");
    void* at = ::mmap(nullptr, buffer.length, PROT_READ, MAP_SHARED, fd_, static_cast<off_t>(buffer.m.offset));
    if (at == MAP_FAILED) fail("mmap");
    memory_[index] = static_cast<const unsigned char*>(at);
    call(VIDIOC_QBUF, &buffer, "VIDIOC_QBUF");
  }

  void call(unsigned long request, void* argument, const char* name) {
    if (::ioctl(fd_, request, argument) != 0) fail(name);
  }

  const int fd_;
  std::array<const unsigned char*, kBuffers> memory_{};
};

class Encoder {
 public:
  Encoder(int width, int height) : picture_(width, height) {}
  ~Encoder() {
    tjFree(jpeg_);
    tjDestroy(handle_);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  void encode(Frame yuyv) {
    const int width = picture_.width, height = picture_.height;
    libyuv::YUY2ToI420(yuyv.bytes, width * 2, picture_.y(), width, picture_.u(), width / 2, picture_.v(), width / 2,
                       width, height);
    const unsigned char* planes[3] = {picture_.y(), picture_.u(), picture_.v()};
    const int strides[3] = {width, width / 2, width / 2};
    if (tjCompressFromYUVPlanes(handle_, planes, width, strides, height, TJSAMP_420, &jpeg_, &jpeg_bytes_, kQuality,
                                0) != 0)
      fail("libjpeg-turbo");
  }

 private:
  I420Picture picture_;
  tjhandle handle_ = tjInitCompress();
  unsigned char* jpeg_ = nullptr;
  unsigned long jpeg_bytes_ = 0;
};

int run(std::string_view operation, const char* device, double seconds) {
  Camera camera(device);
  Encoder encoder(camera.width, camera.height);
  std::vector<unsigned char> slot(static_cast<size_t>(camera.width) * static_cast<size_t>(camera.height) * 2);
  const auto use = [&](Frame frame) {
    if (operation == "copy") std::memcpy(slot.data(), frame.bytes, frame.size);
    if (operation == "encode") encoder.encode(frame);
  };
  for (int i = 0; i < kWarmUpFrames; ++i) camera.take(use);
  const double before = cpu_ms();
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  int frames = 0;
  for (; frames == 0 || std::chrono::steady_clock::now() < end; ++frames) camera.take(use);
  std::printf("%.4f\n", (cpu_ms() - before) / frames);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const std::string_view operation = argc == 4 ? argv[1] : "";
  if (operation != "take" && operation != "copy" && operation != "encode") {
    std::fprintf(stderr, "usage: bench_camera take|copy|encode DEVICE SECONDS\n");
    return 2;
  }
  return bench::run(operation, argv[2], std::atof(argv[3]));
}
