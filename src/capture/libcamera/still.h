// One picture in the camera's full resolution. The stream must be stopped, and is configured anew afterwards by the
// caller.
#pragma once

#include "capture/camera.h"
#include "capture/libcamera/controls.h"

namespace camweave::libcam {

// Driver thread. Blocks for some frames, 6 s at most; ends at once when the camera is gone or the worker stops.
Result<Frame> take_still(CameraDevice& device, const StreamWish& wish, const CameraControls& controls,
                         const Clock& clock, const StopSignal& stop);

}  // namespace camweave::libcam
