// Which of the cameras present a `libcamera:` source means, and what they are called. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "capture/libcamera/camera_system.h"

namespace camweave::libcam {

// A webcam, which the driver v4l2 offers, too. Its id ends with vendor and product, as its maker gave them.
bool is_usb(const CameraName& name);

// In the order that indexes count: modules first, as rpicam-hello --list-cameras has them, then USB cameras.
void sort_as_indexed(std::vector<CameraName>& cameras);

// `wanted`: an id, an index from 0, a model that only one has, each also as id=, index=, model=; "" the first.
// `not_found` says what is here. `cameras` sorted.
Result<CameraName> find_camera(const std::vector<CameraName>& cameras, const std::string& wanted);

// What to write as `source` for this one of `cameras`.
std::string source_of(const CameraName& camera);

}  // namespace camweave::libcam
