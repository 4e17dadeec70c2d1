#include "capture/v4l2/kernel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace camweave::v4l2 {

namespace fs = std::filesystem;

int SystemKernel::open(const char* path, int flags) { return ::open(path, flags | O_CLOEXEC); }

int SystemKernel::close(int fd) { return ::close(fd); }

int SystemKernel::ioctl(int fd, unsigned long request, void* argument) {
  int result;
  do {
    result = ::ioctl(fd, request, argument);
  } while (result < 0 && errno == EINTR);
  return result;
}

void* SystemKernel::mmap(int fd, size_t length, off_t offset) {
  void* address = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, fd, offset);
  return address == MAP_FAILED ? nullptr : address;
}

int SystemKernel::munmap(void* address, size_t length) { return ::munmap(address, length); }

int SystemKernel::poll(std::span<pollfd> fds, Timestamp deadline) {
  const auto left = std::max(deadline - std::chrono::steady_clock::now(), std::chrono::nanoseconds(0));
  const timespec timeout{static_cast<time_t>(left.count() / 1'000'000'000), static_cast<long>(left.count() % 1'000'000'000)};
  return ::ppoll(fds.data(), fds.size(), &timeout, nullptr);
}

namespace {
int device_number(const std::string& name) {
  int number = 0;
  std::from_chars(name.data() + 5, name.data() + name.size(), number);
  return number;
}
}  // namespace

std::vector<std::string> SystemKernel::video_devices() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev", error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("video") && name.size() > 5 && std::all_of(name.begin() + 5, name.end(), ::isdigit)) {
      names.push_back(name);
    }
  }
  std::ranges::sort(names, {}, device_number);
  for (std::string& name : names) name.insert(0, "/dev/");
  return names;
}

std::string SystemKernel::attribute(const std::string& device, const std::string& name) {
  // A link such as /dev/v4l/by-id/… leads to the device's own name.
  std::error_code error;
  const fs::path real = fs::canonical(device, error);
  if (error) return "";
  std::ifstream file("/sys/class/video4linux/" + real.filename().string() + "/" + name);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string SystemKernel::udev_property(const std::string& device, const std::string& name) {
  struct stat node {};
  if (::stat(device.c_str(), &node) != 0) return "";
  // udev's own record of the device: lines "E:NAME=value". Everybody may read it.
  std::ifstream file(fmt::format("/run/udev/data/c{}:{}", major(node.st_rdev), minor(node.st_rdev)));
  const std::string start = "E:" + name + "=";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(start)) return line.substr(start.size());
  }
  return "";
}

std::vector<std::string> SystemKernel::users_of(const std::string& device) {
  std::vector<std::string> users;
  const std::string own = std::to_string(::getpid());  // listing holds the device open itself
  std::error_code error;
  const fs::path real = fs::canonical(device, error);
  for (const auto& process : fs::directory_iterator("/proc", fs::directory_options::skip_permission_denied, error)) {
    const std::string pid = process.path().filename();
    if (pid == own || !std::all_of(pid.begin(), pid.end(), ::isdigit)) continue;
    std::error_code ignored;
    // libcamera opens every camera that it could use: that is not using it.
    if (fs::read_symlink(process.path() / "exe", ignored).filename() == "camweave-capture-libcamera") continue;
    for (const auto& open_file : fs::directory_iterator(process.path() / "fd", ignored)) {
      if (fs::read_symlink(open_file.path(), ignored) != real) continue;
      std::ifstream comm(process.path() / "comm");
      std::string name;
      std::getline(comm, name);
      users.push_back(fmt::format("{} ({})", name, pid));
      break;
    }
  }
  return users;
}

int SystemKernel::open_device_events() {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
  if (fd < 0) return -1;
  // Group 1 are the kernel's own events, 2 udev's: the latter come when the node and its rights are ready.
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1 | 2;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

bool SystemKernel::read_device_events(int fd) {
  bool seen = false;
  std::array<char, 8192> event;
  for (;;) {
    const ssize_t size = ::recv(fd, event.data(), event.size(), 0);
    if (size < 0 && errno == ENOBUFS) return true;  // events were lost: look
    if (size <= 0) return seen;
    seen |= std::string_view(event.data(), static_cast<size_t>(size)).find("SUBSYSTEM=video4linux") != std::string_view::npos;
  }
}

}  // namespace camweave::v4l2
