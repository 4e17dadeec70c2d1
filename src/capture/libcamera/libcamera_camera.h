// The driver `libcamera:`: Raspberry Pi camera modules and whatever else libcamera knows. docs/reference/libcamera.md
#pragma once

#include "capture/camera.h"
#include "capture/libcamera/camera_system.h"

namespace camweave::libcam {

std::unique_ptr<Camera> make_camera(CameraSystem& system, const Clock& clock, Log& log);
Result<std::vector<FoundCamera>> list_cameras(CameraSystem& system);

}  // namespace camweave::libcam
