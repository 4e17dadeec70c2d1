// Video's levels (luma 16 to 235, chroma 16 to 240) spread to the full ones that JPEG has. Pure.
#pragma once

#include "encode/picture/picture_planes.h"

namespace camweave {

// `out` has the size of `in`; the same memory is fine.
void expand_luma(PlaneView in, uint8_t* out, int out_stride);
void expand_chroma(PlaneView in, uint8_t* out, int out_stride);

}  // namespace camweave
