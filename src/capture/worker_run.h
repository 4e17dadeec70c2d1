// One worker's life on a given socket: everything of run_worker() but the process around it, so that a test can be the
// server. Blocks; call from the main thread.
#pragma once

#include "base/log.h"
#include "capture/active_rendition.h"
#include "capture/camera.h"

namespace camweave {

struct WorkerTimes {
  std::chrono::milliseconds patience{2000};         // for a driver that is to stop; then the process ends without it
  std::chrono::milliseconds status_interval{250};  // of the regular Status: what the sensor says shows in the API soon
};

// Returns the process's exit code.
int run_camera(const Driver& driver, UniqueFd socket, const StopSignal& stop, const EncoderFactory& make_encoder,
               const Clock& clock, Log& log, WorkerTimes times = {});

}  // namespace camweave
