// Kernel: the one seam between the V4L2 driver and the system: every system call that it makes goes through here, so that
// unit tests can play a device that fails at any of them. SystemKernel is the real one. Thread-safe.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace camweave::v4l2 {

class Kernel {
 public:
  virtual ~Kernel() = default;

  // As the system calls of the same names: -1 and errno on failure. ioctl repeats EINTR.
  virtual int open(const char* path, int flags) = 0;
  virtual int close(int fd) = 0;
  virtual int ioctl(int fd, unsigned long request, void* argument) = 0;
  virtual void* mmap(int fd, size_t length, off_t offset) = 0;
  virtual int munmap(void* address, size_t length) = 0;
  // Waits until one is ready or the deadline has come.
  virtual int poll(std::span<pollfd> fds, Timestamp deadline) = 0;

  // Names of /dev/video*, in numeric order.
  virtual std::vector<std::string> video_devices() = 0;
  // A line of sysfs without its newline, "" where there is none: attribute("/dev/video0", "name"), (…, "device/../serial").
  virtual std::string attribute(const std::string& device, const std::string& name) = 0;
  // What udev knows of a device without anybody opening it, "" where it doesn't: udev_property("/dev/video1",
  // "ID_V4L_CAPABILITIES") is ":capture:" for a camera's pictures and ":" for its metadata.
  virtual std::string udev_property(const std::string& device, const std::string& name) = 0;
  // Processes that have the device open, as "NAME (PID)".
  virtual std::vector<std::string> users_of(const std::string& device) = 0;
  // A socket that gets readable when devices come and go (NETLINK_KOBJECT_UEVENT), and reading it empty.
  virtual int open_device_events() = 0;
  // Reads what has come; true when a video4linux device was added or removed.
  virtual bool read_device_events(int fd) = 0;
};

class SystemKernel final : public Kernel {
 public:
  int open(const char* path, int flags) override;
  int close(int fd) override;
  int ioctl(int fd, unsigned long request, void* argument) override;
  void* mmap(int fd, size_t length, off_t offset) override;
  int munmap(void* address, size_t length) override;
  int poll(std::span<pollfd> fds, Timestamp deadline) override;
  std::vector<std::string> video_devices() override;
  std::string attribute(const std::string& device, const std::string& name) override;
  std::string udev_property(const std::string& device, const std::string& name) override;
  std::vector<std::string> users_of(const std::string& device) override;
  int open_device_events() override;
  bool read_device_events(int fd) override;
};

}  // namespace camweave::v4l2
