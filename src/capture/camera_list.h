// `--list`: what a driver found, as a JSON array on stdout. Pure but for the writing.
#pragma once

#include <string>
#include <vector>

#include "capture/camera.h"

namespace camweave {

// [{"source","make","model","serial","modes":[…],"controls":[…],"problem","devices":[…]}…]
std::string to_json_text(const std::vector<FoundCamera>& cameras);

}  // namespace camweave
