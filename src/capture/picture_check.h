// PictureCheck: whether a buffer holds a whole picture, and what a camera left out of it. Driver thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/frame.h"
#include "media/h264/kept_parameter_sets.h"

namespace camweave {

class PictureCheck {
 public:
  // Raw: the bytes that size and stride promise. JPEG: SOI to EOI (padding behind is cut off); missing Huffman tables are
  // put in (into a copy). H.264, H.265: begins with a start code; parameter sets are put before keyframes that have none; a
  // slice cut short can't be told, and decoders conceal it. A short or torn picture is refused with what was wrong.
  Result<void> complete(Frame& frame);

  // poll() woke without a frame. Now and then is harmless; a run of them means that the device has failed: `io`.
  Result<void> note_empty_wake_up(const std::string& device);

 private:
  Result<void> complete_raw(const Frame& frame);
  Result<void> complete_jpeg(Frame& frame);
  Result<void> complete_inter_coded(Frame& frame);

  KeptParameterSets parameter_sets_;
  int empty_wake_ups_ = 0;
};

}  // namespace camweave
