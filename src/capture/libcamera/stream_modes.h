// What a camera offers, as modes to choose from, and what a source asks of them. Pure.
#pragma once

#include <vector>

#include "capture/libcamera/camera_system.h"
#include "ipc/messages.h"
#include "media/source_uri.h"

namespace camweave::libcam {

inline constexpr int usual_fps_milli = 30'000;  // where nobody asks for a rate

// One mode for each format and size, at `fps_milli` (libcamera tells rates per camera, not per size; 0: it doesn't
// tell). A camera that scales offers the wanted size, too, and those that people ask for.
std::vector<ipc::Mode> modes_of(const std::vector<StreamOffer>& offers, Size wanted, int fps_milli);

// The rate that is nearest to the wanted one in the range of the control frame_rate; 0: no such control.
int nearest_fps_milli(const std::vector<DeviceControl>& controls, int wanted_fps_milli);

// The largest picture; nullopt: no offer.
std::optional<StreamWish> largest_still(const std::vector<StreamOffer>& offers);

// ?hflip=1&vflip=1&rotation=180 and ?format=NV12.
Result<Turn> turn_of(const SourceUri& source);
Result<std::optional<PixelFormat>> format_of(const SourceUri& source);

}  // namespace camweave::libcam
