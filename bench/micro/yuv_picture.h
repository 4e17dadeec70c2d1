// An I420 picture in one piece of memory, as the JPEG benchmarks pass it around.
#pragma once

#include <cstddef>
#include <vector>

namespace bench {

struct I420Picture {
  I420Picture(int w, int h) : width(w), height(h), bytes(luma_bytes() * 3 / 2) {}

  size_t luma_bytes() const { return static_cast<size_t>(width) * static_cast<size_t>(height); }
  unsigned char* y() { return bytes.data(); }
  unsigned char* u() { return bytes.data() + luma_bytes(); }
  unsigned char* v() { return bytes.data() + luma_bytes() * 5 / 4; }
  const unsigned char* y() const { return bytes.data(); }
  const unsigned char* u() const { return bytes.data() + luma_bytes(); }
  const unsigned char* v() const { return bytes.data() + luma_bytes() * 5 / 4; }

  int width;   // even
  int height;  // even
  std::vector<unsigned char> bytes;
};

}  // namespace bench
