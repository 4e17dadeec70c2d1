// FakeKernel: a V4L2 device in memory for unit tests: modes, controls, buffers, and a failure of any call on order.
#pragma once

#include <linux/videodev2.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "capture/v4l2/kernel.h"

namespace camweave::v4l2 {

struct FakeControl {
  uint32_t id;
  uint32_t type;
  std::string name;
  int64_t minimum, maximum, step, default_value;
  int64_t value;
  uint32_t flags = 0;
  std::vector<std::string> menu = {};
};

class FakeKernel final : public Kernel {
 public:
  // The device.
  bool plugged = true;
  std::string driver = "uvcvideo";
  std::string card = "Fake Camera", bus = "usb-0000:01:00.0-1.2", serial = "SN-1";
  std::vector<uint32_t> formats{V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_YUYV};
  std::vector<v4l2_frmsize_discrete> sizes{{640, 480}, {1280, 720}};
  std::vector<uint32_t> rates{15, 30};
  std::vector<FakeControl> controls;
  std::map<unsigned long, int> failures;  // request → errno, until erased
  size_t buffer_bytes = 4096;
  std::vector<std::string> paths{"/dev/video0"};
  std::vector<std::string> users{"cheese (4711)"};  // who has the device open
  std::map<std::string, std::string> udev_capabilities;  // path → ID_V4L_CAPABILITIES
  std::map<std::string, std::string> attributes;         // "/dev/video1/index" → sysfs' line

  // What happened.
  uint32_t taken_fourcc = 0;
  v4l2_frmsize_discrete taken_size{};
  bool streaming = false;
  std::set<uint32_t> queued;
  std::vector<uint32_t> set_order;  // control ids as they were written
  int open_files = 0, mapped = 0;
  size_t control_requests = 0;  // readings and writings of a control's value

  // Fills the next queued buffer; the bytes are the frame. Returns false when the driver has none queued.
  bool fill(const std::string& bytes, uint32_t sequence, uint32_t flags = 0) {
    MutexLock lock(mutex_);
    if (queued.empty()) return false;
    const uint32_t index = *queued.begin();
    queued.erase(queued.begin());
    std::memcpy(memory_[index].data(), bytes.data(), std::min(bytes.size(), memory_[index].size()));
    filled_.push_back({index, static_cast<uint32_t>(bytes.size()), sequence, flags});
    return true;
  }
  size_t queued_count() {
    MutexLock lock(mutex_);
    return queued.size();
  }
  void push_event(uint32_t type, uint32_t changes = 0) { events_.push_back({type, changes}); }
  // Called by poll() when there is nothing to report: lets a test move on.
  std::function<void()> on_idle;

  int open(const char*, int) override {
    if (!plugged) return fail(ENOENT);
    if (failures.contains(0)) return fail(failures[0]);
    ++open_files;
    return 1000;
  }
  int close(int) override {
    --open_files;
    return 0;
  }
  void* mmap(int, size_t, off_t offset) override {
    ++mapped;
    return memory_[static_cast<uint32_t>(offset) / 4096].data();
  }
  int munmap(void*, size_t) override {
    --mapped;
    return 0;
  }
  int poll(std::span<pollfd> fds, Timestamp) override {
    int ready = ::poll(fds.data() + 1, fds.size() - 1, 0);
    fds[0].revents = 0;
    if (fds[0].fd == 1000) {
      MutexLock lock(mutex_);
      if (!plugged) fds[0].revents = POLLERR | POLLHUP;
      if (!events_.empty()) fds[0].revents |= POLLPRI;
      if (!filled_.empty()) fds[0].revents |= POLLIN;
      if (failures.contains(VIDIOC_DQBUF)) fds[0].revents |= POLLERR;
    } else if (device_event) {
      fds[0].revents = POLLIN;
    }
    ready += fds[0].revents != 0;
    if (!ready && on_idle) on_idle();
    return ready;
  }
  std::vector<std::string> video_devices() override { return plugged ? paths : std::vector<std::string>(); }
  std::string attribute(const std::string& device, const std::string& name) override {
    if (const auto found = attributes.find(device + "/" + name); found != attributes.end()) return found->second;
    return name == "device/../serial" ? serial : name == "device/../manufacturer" ? "Maker" : "";
  }
  std::string udev_property(const std::string& device, const std::string&) override {
    const auto found = udev_capabilities.find(device);
    return found == udev_capabilities.end() ? "" : found->second;
  }
  std::vector<std::string> users_of(const std::string&) override { return users; }
  int open_device_events() override {
    ++open_files;
    return 2000;
  }
  bool read_device_events(int) override { return std::exchange(device_event, false); }
  bool device_event = false;

  int ioctl(int, unsigned long request, void* argument) override;

 private:
  struct Filled {
    uint32_t index, size, sequence, flags;
  };
  struct Event {
    uint32_t type, changes;
  };
  static int fail(int error_number) {
    errno = error_number;
    return -1;
  }
  FakeControl* control(uint32_t id) {
    for (auto& control : controls) {
      if (control.id == id) return &control;
    }
    return nullptr;
  }
  int query_control(v4l2_query_ext_ctrl& query);
  int access_control(unsigned long request, v4l2_ext_controls& list);
  int enumerate(unsigned long request, void* argument);
  int buffers(unsigned long request, void* argument);

  Mutex mutex_;
  std::map<uint32_t, std::vector<char>> memory_;
  std::deque<Filled> filled_;
  std::deque<Event> events_;
};

inline int FakeKernel::query_control(v4l2_query_ext_ctrl& query) {
  const bool next = query.id & V4L2_CTRL_FLAG_NEXT_CTRL;
  const uint32_t id = query.id & ~V4L2_CTRL_FLAG_NEXT_CTRL;
  for (const auto& control : controls) {  // sorted by id, as the kernel gives them
    if (next ? control.id <= id : control.id != id) continue;
    query = {};
    query.id = control.id;
    query.type = control.type;
    std::strncpy(query.name, control.name.c_str(), sizeof query.name - 1);
    query.minimum = control.minimum;
    query.maximum = control.maximum;
    query.step = static_cast<uint64_t>(control.step);
    query.default_value = control.default_value;
    query.flags = control.flags;
    return 0;
  }
  return fail(EINVAL);
}

inline int FakeKernel::access_control(unsigned long request, v4l2_ext_controls& list) {
  ++control_requests;
  for (uint32_t i = 0; i < list.count; ++i) {
    FakeControl* found = control(list.controls[i].id);
    if (!found) return fail(EINVAL);
    if (request == VIDIOC_G_EXT_CTRLS) {
      list.controls[i].value = static_cast<int32_t>(found->value);
      continue;
    }
    if (found->flags & V4L2_CTRL_FLAG_INACTIVE) return fail(EACCES);
    found->value = list.controls[i].value;
    set_order.push_back(found->id);
    if (found->id == V4L2_CID_EXPOSURE_AUTO) {  // as uvcvideo: the mode decides whether the time can be set
      if (auto* time = control(V4L2_CID_EXPOSURE_ABSOLUTE)) {
        time->flags = found->value == V4L2_EXPOSURE_MANUAL ? 0 : V4L2_CTRL_FLAG_INACTIVE;
      }
    }
  }
  return 0;
}

inline int FakeKernel::enumerate(unsigned long request, void* argument) {
  if (request == VIDIOC_ENUM_FMT) {
    auto& entry = *static_cast<v4l2_fmtdesc*>(argument);
    if (entry.index >= formats.size()) return fail(EINVAL);
    entry.pixelformat = formats[entry.index];
    return 0;
  }
  if (request == VIDIOC_ENUM_FRAMESIZES) {
    auto& entry = *static_cast<v4l2_frmsizeenum*>(argument);
    if (entry.index >= sizes.size()) return fail(EINVAL);
    entry.type = V4L2_FRMSIZE_TYPE_DISCRETE;
    entry.discrete = sizes[entry.index];
    return 0;
  }
  auto& entry = *static_cast<v4l2_frmivalenum*>(argument);
  if (entry.index >= rates.size()) return fail(EINVAL);
  entry.type = V4L2_FRMIVAL_TYPE_DISCRETE;
  entry.discrete = {1, rates[entry.index]};
  return 0;
}

inline int FakeKernel::buffers(unsigned long request, void* argument) {
  MutexLock lock(mutex_);
  if (request == VIDIOC_REQBUFS) {
    auto& asked = *static_cast<v4l2_requestbuffers*>(argument);
    for (uint32_t i = 0; i < asked.count; ++i) memory_[i].resize(buffer_bytes);
    return 0;
  }
  auto& buffer = *static_cast<v4l2_buffer*>(argument);
  if (request == VIDIOC_QUERYBUF) {
    buffer.length = static_cast<uint32_t>(buffer_bytes);
    buffer.m.offset = buffer.index * 4096;
    return 0;
  }
  if (request == VIDIOC_QBUF) {
    queued.insert(buffer.index);
    return 0;
  }
  if (filled_.empty()) return fail(EAGAIN);
  const Filled filled = filled_.front();
  filled_.pop_front();
  buffer.index = filled.index;
  buffer.bytesused = filled.size;
  buffer.sequence = filled.sequence;
  buffer.flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | filled.flags;
  buffer.timestamp = {100, 250'000};
  return 0;
}

inline int FakeKernel::ioctl(int, unsigned long request, void* argument) {
  if (!plugged) return fail(ENODEV);
  if (const auto failure = failures.find(request); failure != failures.end()) return fail(failure->second);
  switch (request) {
    case VIDIOC_QUERYCAP: {
      auto& capability = *static_cast<v4l2_capability*>(argument);
      std::strncpy(reinterpret_cast<char*>(capability.card), card.c_str(), sizeof capability.card - 1);
      std::strncpy(reinterpret_cast<char*>(capability.driver), driver.c_str(), sizeof capability.driver - 1);
      std::strncpy(reinterpret_cast<char*>(capability.bus_info), bus.c_str(), sizeof capability.bus_info - 1);
      capability.capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
      return 0;
    }
    case VIDIOC_ENUM_FMT:
    case VIDIOC_ENUM_FRAMESIZES:
    case VIDIOC_ENUM_FRAMEINTERVALS: return enumerate(request, argument);
    case VIDIOC_S_FMT: {
      auto& pix = static_cast<v4l2_format*>(argument)->fmt.pix;
      taken_fourcc = pix.pixelformat;
      taken_size = {pix.width, pix.height};
      pix.bytesperline = pix.pixelformat == V4L2_PIX_FMT_YUYV ? pix.width * 2 : 0;
      pix.sizeimage = pix.width * pix.height * 2;
      return 0;
    }
    case VIDIOC_S_PARM: return 0;
    case VIDIOC_QUERY_EXT_CTRL: return query_control(*static_cast<v4l2_query_ext_ctrl*>(argument));
    case VIDIOC_QUERYMENU: {
      auto& item = *static_cast<v4l2_querymenu*>(argument);
      const FakeControl* found = control(item.id);
      if (!found || item.index >= found->menu.size() || found->menu[item.index].empty()) return fail(EINVAL);
      std::strncpy(reinterpret_cast<char*>(item.name), found->menu[item.index].c_str(), sizeof item.name - 1);
      return 0;
    }
    case VIDIOC_G_EXT_CTRLS:
    case VIDIOC_S_EXT_CTRLS: return access_control(request, *static_cast<v4l2_ext_controls*>(argument));
    case VIDIOC_SUBSCRIBE_EVENT: return 0;
    case VIDIOC_DQEVENT: {
      if (events_.empty()) return fail(ENOENT);
      auto& event = *static_cast<v4l2_event*>(argument);
      event.type = events_.front().type;
      event.u.src_change.changes = events_.front().changes;
      events_.pop_front();
      return 0;
    }
    case VIDIOC_REQBUFS:
    case VIDIOC_QUERYBUF:
    case VIDIOC_QBUF:
    case VIDIOC_DQBUF: return buffers(request, argument);
    case VIDIOC_STREAMON: streaming = true; return 0;
    case VIDIOC_STREAMOFF: streaming = false; return 0;
    default: return fail(ENOTTY);
  }
}

}  // namespace camweave::v4l2
