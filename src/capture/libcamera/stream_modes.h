// What a camera offers, as modes to choose from. Pure.
#pragma once

#include <vector>

#include "capture/libcamera/camera_system.h"
#include "ipc/messages.h"

namespace camweave::libcam {

// One mode for each format and size, at `fps_milli` (libcamera tells rates per camera, not per size; 0: it doesn't tell). A
// camera that scales offers the wanted size, too, and those that people ask for.
std::vector<ipc::Mode> modes_of(const std::vector<StreamOffer>& offers, Size wanted, int fps_milli);

// The rate that is nearest to the wanted one in the range of the control frame_rate; 0: no such control.
int nearest_fps_milli(const std::vector<DeviceControl>& controls, int wanted_fps_milli);

// The largest picture; nullopt: no offer.
std::optional<StreamWish> largest_still(const std::vector<StreamOffer>& offers);

}  // namespace camweave::libcam
