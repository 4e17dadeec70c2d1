// CanvasPool: the picture buffers of a pattern camera. A canvas is on loan as a Frame's buffer until the last encoder
// lets go of it, on whichever thread. take() on the driver thread; giving back is thread-safe and may outlive the pool.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "capture/pattern/painter.h"

namespace camweave::pattern {

class CanvasPool {
 public:
  static constexpr size_t most_canvases = 12;  // eight renditions, each with one frame in work, and some to spare

  CanvasPool(PixelFormat format, Size size) : format_(format), size_(size) {}

  // nullptr when all are on loan. The canvas is free again when the last copy of the pointer goes.
  std::shared_ptr<Canvas> take() {
    for (const auto& held : canvases_) {
      if (!held->on_loan.load(std::memory_order_acquire)) return lend(held);
    }
    if (canvases_.size() == most_canvases) return nullptr;
    canvases_.push_back(std::make_shared<Held>(format_, size_));
    return lend(canvases_.back());
  }

  // Nobody watches: gives the memory back, but for what is on loan still.
  void shrink() { canvases_.clear(); }

 private:
  struct Held {
    Held(PixelFormat format, Size size) : canvas(format, size) {}
    Canvas canvas;
    std::atomic<bool> on_loan{false};
  };
  static std::shared_ptr<Canvas> lend(const std::shared_ptr<Held>& held) {
    held->on_loan.store(true, std::memory_order_relaxed);
    return {&held->canvas, [held](Canvas*) { held->on_loan.store(false, std::memory_order_release); }};
  }

  const PixelFormat format_;
  const Size size_;
  std::vector<std::shared_ptr<Held>> canvases_;
};

}  // namespace camweave::pattern
