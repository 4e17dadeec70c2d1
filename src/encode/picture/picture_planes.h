// PicturePlanes: a view of a planar picture, luma with two chroma planes of any smaller size, or luma alone (grey).
// PlaneBuffer: memory for such planes that is kept from frame to frame. Thread-bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "media/video_format.h"

namespace camweave {

struct PlaneView {
  const uint8_t* data = nullptr;
  int stride = 0;  // bytes
  int width = 0;   // pixels
  int height = 0;  // pixels
  bool empty() const { return data == nullptr; }
  Size size() const { return {width, height}; }
};

struct PicturePlanes {
  PlaneView y, u, v;
  bool grey() const { return u.empty(); }
  Size size() const { return y.size(); }
};

// The chroma planes' size in 4:2:0.
inline Size half_size(Size size) { return {(size.width + 1) / 2, (size.height + 1) / 2}; }

// One plane's memory. Grows where it must, so that a steady stream allocates nothing.
class PlaneBuffer {
 public:
  // Uninitialised; rows start at multiples of 64 bytes.
  void resize(Size size) {
    width_ = size.width;
    height_ = size.height;
    stride_ = (size.width + 63) / 64 * 64;
    const size_t needed = static_cast<size_t>(stride_) * static_cast<size_t>(size.height);
    if (needed <= capacity_) return;
    memory_ = std::make_unique_for_overwrite<uint8_t[]>(needed + 64);
    capacity_ = needed;
  }
  uint8_t* data() { return memory_.get(); }
  uint8_t* row(int y) { return memory_.get() + static_cast<ptrdiff_t>(y) * stride_; }
  int stride() const { return stride_; }
  PlaneView view() const { return {memory_.get(), stride_, width_, height_}; }

 private:
  std::unique_ptr<uint8_t[]> memory_;
  size_t capacity_ = 0;
  int width_ = 0, height_ = 0, stride_ = 0;
};

struct PlanesBuffer {
  PlaneBuffer y, u, v;
  // 4:2:0, or luma alone.
  void resize(Size size, bool grey) {
    y.resize(size);
    if (grey) return;
    u.resize(half_size(size));
    v.resize(half_size(size));
  }
  PicturePlanes view(bool grey) const {
    return grey ? PicturePlanes{y.view(), {}, {}} : PicturePlanes{y.view(), u.view(), v.view()};
  }
};

}  // namespace camweave
