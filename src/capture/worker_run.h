// One worker's life on a given socket: everything of run_worker() but the process around it, so that a test can be the
// server. Blocks; call from the main thread.
#pragma once

#include "base/log.h"
#include "capture/active_rendition.h"
#include "capture/camera.h"

namespace camweave {

// Returns the process's exit code. A driver that doesn't end within `patience` after the stop ends the process.
int run_camera(const Driver& driver, UniqueFd socket, const StopSignal& stop, const EncoderFactory& make_encoder,
               const Clock& clock, Log& log, std::chrono::milliseconds patience = std::chrono::seconds(2));

}  // namespace camweave
