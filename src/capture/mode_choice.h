// Which mode of a device fits what is wanted best. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ipc/messages.h"

namespace camweave {

struct ModeChoice {
  ipc::Mode mode;
  std::string note;  // "" when exactly as wanted; else what was adjusted and why
};

// `format`: the user's ?format=, or none. Order of wishes: the format if given, the size (the smallest that is not smaller
// than wanted; else the largest), the rate (the slowest that is not below the wanted; else the fastest), then the cheapest
// format: compressed by the camera first where it gives a higher rate than raw does, else raw that needs no conversion.
// Fails with `unsupported` where the wanted format doesn't exist, or no mode at all.
Result<ModeChoice> choose_mode(const std::vector<ipc::Mode>& modes, Size wanted, int wanted_fps_milli,
                               std::optional<PixelFormat> format);

}  // namespace camweave
