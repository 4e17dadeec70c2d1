// The driver `v4l2:`: USB webcams, capture cards, kernel cameras. docs/guide/usb-cameras.md
#pragma once

#include "capture/camera.h"
#include "capture/v4l2/kernel.h"

namespace camweave::v4l2 {

std::unique_ptr<Camera> make_camera(Kernel& kernel, const Clock& clock, Log& log);
Result<std::vector<FoundCamera>> list_cameras(Kernel& kernel);

}  // namespace camweave::v4l2
