// The pictures that the floor serves, and the header that each protocol puts in front of one. Reads its folder once.
#pragma once

#include <string>
#include <vector>

#include "../common/exif_stamp.h"
#include "floor_options.h"

namespace bench {

class FrameSource {
 public:
  // False when the folder holds no JPEG.
  bool load(const std::string& dir);

  const StampableJpeg& picture(uint64_t sequence) const { return pictures_[sequence % pictures_.size()]; }
  size_t largest_bytes() const;

 private:
  std::vector<StampableJpeg> pictures_;
};

// Everything that stands in front of the JPEG, the end of the part before included (MJPEG).
std::string frame_header(FloorProtocol protocol, uint64_t sequence, int64_t unix_us, size_t jpeg_bytes);

// What a client is sent before its first frame; empty for raw TCP.
std::string greeting(FloorProtocol protocol);

}  // namespace bench
