// The driver `exec:`. README.md in this folder.
#pragma once

#include "capture/camera.h"

namespace camweave::exec {

std::unique_ptr<Camera> make_camera(const Clock& clock, Log& log);

}  // namespace camweave::exec
