// libbench_v4l2.so, for LD_PRELOAD: plays one V4L2 camera, so that programs which need a real one can be measured.
//
//   BENCH_V4L2_DEVICE=/dev/video-bench   the path that is a camera now
//   BENCH_V4L2_FRAMES=DIR                its pictures: JPEGs, in the order of their names
//   BENCH_V4L2_FORMAT=MJPEG|YUYV         (YUYV: the pictures decoded once at the start)
//   BENCH_V4L2_SIZE=1920x1080  BENCH_V4L2_FPS=30
//   BENCH_V4L2_STAMP=yes|no              no: JPEGs as they are, for a server that puts EXIF in itself
//
// The file descriptor that open() returns is a timerfd that ticks once per frame: poll, select and epoll work on it
// with no help. ioctl() and mmap() on it are answered here; everything else goes to the C library. MJPEG frames carry
// EXIF with the frame's number and time, stamped when the frame is due. One camera, MMAP and
// USERPTR streaming; a thread may wait in DQBUF while another queues.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "fake_camera.h"

namespace {

template <typename Function>
Function* next_symbol(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

bench::FakeCamera& camera() {
  // Never destroyed: the program that hosts this library may still use its camera while it exits.
  static auto* const one = new bench::FakeCamera(bench::FakeCamera::options_from_environment());
  return *one;
}

bool is_camera_path(const char* path) {
  const char* device = std::getenv("BENCH_V4L2_DEVICE");
  return device != nullptr && path != nullptr && std::strcmp(device, path) == 0;
}

int open_with(const char* function, const char* path, int flags, mode_t mode) {
  if (is_camera_path(path)) return camera().open((flags & O_NONBLOCK) != 0);
  return next_symbol<int(const char*, int, ...)>(function)(path, flags, mode);
}

mode_t mode_from(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, unsigned)) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_from(flags, arguments);
  va_end(arguments);
  return open_with("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_from(flags, arguments);
  va_end(arguments);
  return open_with("open64", path, flags, mode);
}

int __open_2(const char* path, int flags) { return open_with("open", path, flags, 0); }
int __open64_2(const char* path, int flags) { return open_with("open64", path, flags, 0); }

int openat(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_from(flags, arguments);
  va_end(arguments);
  if (is_camera_path(path)) return camera().open((flags & O_NONBLOCK) != 0);
  return next_symbol<int(int, const char*, int, ...)>("openat")(directory, path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* argument = va_arg(arguments, void*);
  va_end(arguments);
  if (std::getenv("BENCH_V4L2_DEVICE") != nullptr && camera().owns(fd))
    return camera().control(request & 0xFFFFFFFFUL, argument);  // some pass it as int
  return next_symbol<int(int, unsigned long, ...)>("ioctl")(fd, request, argument);
}

void* mmap(void* address, size_t length, int protection, int flags, int fd, off_t offset) noexcept {
  const auto real = next_symbol<void*(void*, size_t, int, int, int, off_t)>("mmap");
  if (fd < 0 || std::getenv("BENCH_V4L2_DEVICE") == nullptr || !camera().owns(fd)) {
    return real(address, length, protection, flags, fd, offset);
  }
  return real(address, length, protection, flags, camera().memory_fd(), offset);
}

void* mmap64(void* address, size_t length, int protection, int flags, int fd, off64_t offset) noexcept {
  return mmap(address, length, protection, flags, fd, offset);
}

int dup(int fd) noexcept {
  const int copy = next_symbol<int(int)>("dup")(fd);
  if (copy >= 0 && std::getenv("BENCH_V4L2_DEVICE") != nullptr && camera().owns(fd)) camera().remember(copy);
  return copy;
}

int close(int fd) {
  if (fd >= 0 && std::getenv("BENCH_V4L2_DEVICE") != nullptr && camera().owns(fd)) camera().forget(fd);
  return next_symbol<int(int)>("close")(fd);
}

}  // extern "C"
