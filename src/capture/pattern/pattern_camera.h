// The pattern camera: `pattern:bars|zone|clock|noise?size=&fps=&format=&quality=`. A test picture from a pretended
// sensor; README.md says what is in it and how to read it. Draws only while somebody watches.
#pragma once

#include "capture/camera.h"

namespace camweave {

const Driver& pattern_driver();

}  // namespace camweave
