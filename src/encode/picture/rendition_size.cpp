#include "encode/picture/rendition_size.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace camweave {

Size rendition_size(Size wanted, Size source, int rotation) {
  if (rotation == 90 || rotation == 270) std::swap(source.width, source.height);
  if (wanted.empty()) return source;
  if (wanted.width <= source.width && wanted.height <= source.height) return wanted;
  const double scale = std::min(
      {1.0, static_cast<double>(wanted.width) / source.width, static_cast<double>(wanted.height) / source.height});
  const auto scaled = [scale](int length) { return std::max(1, static_cast<int>(std::lround(length * scale))); };
  return {scaled(source.width), scaled(source.height)};
}

}  // namespace camweave
