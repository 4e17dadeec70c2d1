// LibrarySystem: the library's CameraManager, started with the first question; one for each process. Driver thread.
#pragma once

#include <libcamera/camera_manager.h>

#include <memory>

#include "base/unique_fd.h"
#include "capture/libcamera/camera_system.h"

namespace camweave::libcam {

class LibrarySystem final : public CameraSystem {
 public:
  LibrarySystem();
  ~LibrarySystem() override;  // after all its devices

  Result<std::vector<CameraName>> cameras() override;
  Result<std::unique_ptr<CameraDevice>> take(const std::string& id) override;
  int changes_fd() const override { return changes_.get(); }
  void clear_changes() override;

 private:
  Result<void> start();
  void on_change(std::shared_ptr<libcamera::Camera> camera);
  void raise_change() const;

  const UniqueFd changes_;
  std::unique_ptr<libcamera::CameraManager> library_;
};

}  // namespace camweave::libcam
