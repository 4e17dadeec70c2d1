// LibraryDevice: one camera of the library's, acquired. Its signals come on the library's thread.
#pragma once

#include <libcamera/camera.h>
#include <libcamera/framebuffer_allocator.h>
#include <libcamera/request.h>

#include <atomic>
#include <functional>
#include <map>

#include "capture/libcamera/camera_system.h"

namespace camweave::libcam {

class LibraryDevice final : public CameraDevice {
 public:
  // Takes the camera for us alone: `busy` when another program has it. `on_gone` is called once, on the library's
  // thread, when it is pulled out.
  static Result<std::unique_ptr<CameraDevice>> take(std::shared_ptr<libcamera::Camera> camera, CameraName name,
                                                    std::function<void()> on_gone);
  ~LibraryDevice() override;

  const CameraName& name() const override { return name_; }
  bool gone() const override { return gone_; }
  std::vector<StreamOffer> offers(StreamUse use) override;
  std::vector<DeviceControl> controls() const override;
  Result<StreamTaken> configure(const StreamWish& wish) override;
  Result<std::vector<BufferMemory>> allocate() override;
  void free_buffers() override;
  Result<void> start(FrameListener& listener, const DeviceValues& controls) override;
  void stop() override;
  Result<void> queue(size_t buffer, const DeviceValues& controls) override;

 private:
  LibraryDevice(std::shared_ptr<libcamera::Camera> camera, CameraName name, std::function<void()> on_gone);
  void on_completed(libcamera::Request* request);
  void on_disconnected();
  void put(const DeviceValues& values, libcamera::ControlList& into) const;
  Error failure(const std::string& what, int result) const;

  // Constant after construction.
  const std::shared_ptr<libcamera::Camera> camera_;
  const CameraName name_;
  const std::function<void()> on_gone_;

  // Driver thread only.
  std::unique_ptr<libcamera::CameraConfiguration> configuration_;
  libcamera::FrameBufferAllocator allocator_;
  bool started_ = false;

  // Changed only while the camera is stopped.
  std::vector<std::unique_ptr<libcamera::Request>> requests_;
  libcamera::Stream* stream_ = nullptr;
  FrameListener* listener_ = nullptr;
  std::map<std::string, const libcamera::ControlId*, std::less<>> control_ids_;

  std::atomic<bool> gone_{false};
};

}  // namespace camweave::libcam
