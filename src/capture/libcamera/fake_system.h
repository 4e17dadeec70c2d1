// FakeSystem: libcamera with one camera that the test moves by hand: buffers in memfds, requests that complete when the
// test says so, failures on order. For tests only.
#pragma once

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "capture/libcamera/camera_system.h"

namespace camweave::libcam {

// What the test sees and orders. Thread-safe where the driver's threads meet it.
struct FakeState {
  std::vector<CameraName> present{{"/base/i2c@1/imx219@10", "imx219", {}}};
  std::vector<StreamOffer> video{{PixelFormat::nv12, {}, {64, 48}, {1920, 1080}}};
  std::vector<StreamOffer> still{{PixelFormat::nv12, {{3280, 2464}}, {}, {}}};
  std::vector<DeviceControl> controls;
  std::function<void(StreamTaken&)> adjust = [](StreamTaken&) {};  // as validate() would
  std::map<std::string, Error> failures;  // by function: "take", "configure", "allocate", "start", "queue"
  bool busy_memory = false;               // planes that lie about their size
  size_t padding_bytes = 0;               // in front of each buffer's first plane
  std::atomic<bool> gone{false};

  Mutex mutex;
  Mutex completing;  // taken before mutex: as with the library, stop() waits for a completion under way
  FrameListener* listener GUARDED_BY(mutex) = nullptr;
  std::set<size_t> queued GUARDED_BY(mutex);
  std::vector<DeviceValues> sent GUARDED_BY(mutex);  // with start and requests, where there were any
  std::vector<StreamWish> wishes GUARDED_BY(mutex);
  StreamTaken taken GUARDED_BY(mutex);
  int starts GUARDED_BY(mutex) = 0;
  int open_devices GUARDED_BY(mutex) = 0;
  std::vector<UniqueFd> memory GUARDED_BY(mutex);  // of each buffer
  UniqueFd changes{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

  size_t queued_count() {
    MutexLock lock(mutex);
    return queued.size();
  }
  std::vector<DeviceValues> sent_so_far() {
    MutexLock lock(mutex);
    return sent;
  }
  // Completes the request that was queued first of those still queued; false: none is.
  bool complete(FrameReport report = {}, uint8_t fill = 0) {
    FrameListener* to = nullptr;
    MutexLock one_at_a_time(completing);
    {
      MutexLock lock(mutex);
      if (queued.empty() || !listener) return false;
      report.buffer = *queued.begin();
      queued.erase(queued.begin());
      to = listener;
      if (fill) {
        std::vector<uint8_t> bytes(taken.size_bytes, fill);
        [[maybe_unused]] const auto put =
            ::pwrite(memory[report.buffer].get(), bytes.data(), bytes.size(), static_cast<off_t>(padding_bytes));
      }
    }
    to->completed(report);
    return true;
  }
  // With JPEG bytes or the like in the buffer.
  bool complete_with(const std::string& bytes, FrameReport report = {}) {
    {
      MutexLock lock(mutex);
      if (queued.empty()) return false;
      [[maybe_unused]] const auto put =
          ::pwrite(memory[*queued.begin()].get(), bytes.data(), bytes.size(), static_cast<off_t>(padding_bytes));
    }
    return complete(report);
  }
  void change() const {
    const uint64_t one = 1;
    [[maybe_unused]] const auto put = ::write(changes.get(), &one, sizeof one);
  }
  void unplug() {
    gone = true;
    change();
  }
};

class FakeDevice final : public CameraDevice {
 public:
  FakeDevice(FakeState& state, CameraName name) : state_(state), name_(std::move(name)) {
    MutexLock lock(state_.mutex);
    ++state_.open_devices;
  }
  ~FakeDevice() override {
    MutexLock lock(state_.mutex);
    --state_.open_devices;
  }
  const CameraName& name() const override { return name_; }
  bool gone() const override { return state_.gone; }
  std::vector<StreamOffer> offers(StreamUse use) override {
    return use == StreamUse::video ? state_.video : state_.still;
  }
  std::vector<DeviceControl> controls() const override { return state_.controls; }

  Result<StreamTaken> configure(const StreamWish& wish) override {
    if (auto failed = failure("configure")) return *failed;
    const auto area = static_cast<size_t>(wish.size.width) * static_cast<size_t>(wish.size.height);
    StreamTaken taken{wish.format, wish.size, static_cast<size_t>(wish.size.width), area * 3 / 2, true, true};
    if (wish.format == PixelFormat::yuyv)
      taken = {wish.format, wish.size, static_cast<size_t>(wish.size.width) * 2, area * 2, false, true};
    state_.adjust(taken);
    MutexLock lock(state_.mutex);
    state_.wishes.push_back(wish);
    state_.taken = taken;
    return taken;
  }

  // NV12 as one memory with two planes in it; anything else as one plane.
  Result<std::vector<BufferMemory>> allocate() override {
    if (auto failed = failure("allocate")) return *failed;
    MutexLock lock(state_.mutex);
    std::vector<BufferMemory> buffers;
    state_.memory.clear();
    for (int i = 0; i < 4; ++i) {
      state_.memory.emplace_back(::memfd_create("buffer", MFD_CLOEXEC));
      const int fd = state_.memory.back().get();
      const size_t size = state_.taken.size_bytes, padding = state_.padding_bytes;
      [[maybe_unused]] const int sized =
          ::ftruncate(fd, static_cast<off_t>(padding + (state_.busy_memory ? size / 2 : size)));
      if (state_.taken.format == PixelFormat::nv12) {
        buffers.push_back({{fd, padding, size * 2 / 3}, {fd, padding + size * 2 / 3, size / 3}});
      } else {
        buffers.push_back({{fd, padding, size}});
      }
    }
    return buffers;
  }
  void free_buffers() override {
    MutexLock lock(state_.mutex);
    state_.memory.clear();  // what is mapped stays
  }

  Result<void> start(FrameListener& listener, const DeviceValues& controls) override {
    if (auto failed = failure("start")) return *failed;
    MutexLock lock(state_.mutex);
    state_.listener = &listener;
    ++state_.starts;
    if (!controls.empty()) state_.sent.push_back(controls);
    return {};
  }
  void stop() override {
    FrameListener* listener = nullptr;
    std::set<size_t> cancelled;
    {
      MutexLock none_under_way(state_.completing);
      MutexLock lock(state_.mutex);
      listener = std::exchange(state_.listener, nullptr);
      cancelled.swap(state_.queued);
    }
    for (const size_t buffer : cancelled) {
      FrameReport report;
      report.buffer = buffer;
      report.cancelled = true;
      if (listener) listener->completed(report);
    }
  }
  Result<void> queue(size_t buffer, const DeviceValues& controls) override {
    if (auto failed = failure("queue")) return *failed;
    MutexLock lock(state_.mutex);
    state_.queued.insert(buffer);
    if (!controls.empty()) state_.sent.push_back(controls);
    return {};
  }

 private:
  std::optional<Error> failure(const std::string& function) const {
    const auto found = state_.failures.find(function);
    return found == state_.failures.end() ? std::nullopt : std::optional(found->second);
  }
  FakeState& state_;
  const CameraName name_;
};

class FakeSystem final : public CameraSystem {
 public:
  explicit FakeSystem(FakeState& state) : state_(state) {}
  Result<std::vector<CameraName>> cameras() override {
    if (state_.gone) return std::vector<CameraName>();
    return state_.present;
  }
  Result<std::unique_ptr<CameraDevice>> take(const std::string& id) override {
    if (const auto found = state_.failures.find("take"); found != state_.failures.end()) return found->second;
    for (const CameraName& name : state_.present) {
      if (name.id == id) return std::unique_ptr<CameraDevice>(std::make_unique<FakeDevice>(state_, name));
    }
    return Error{ErrorCode::not_found, id};
  }
  int changes_fd() const override { return state_.changes.get(); }
  void clear_changes() override {
    uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(state_.changes.get(), &count, sizeof count);
  }

 private:
  FakeState& state_;
};

}  // namespace camweave::libcam
