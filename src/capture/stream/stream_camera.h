// The driver `stream`. README.md in this folder.
#pragma once

#include "capture/camera.h"

namespace camweave::stream_driver {

std::unique_ptr<Camera> make_camera(const Clock& clock, Log& log);

}  // namespace camweave::stream_driver
