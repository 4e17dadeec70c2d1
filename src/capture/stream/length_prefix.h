// LengthPrefixReader: pictures with a 4-byte big-endian length in front (interfaces section 7). Thread-bound; fuzzed.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/result.h"

namespace camweave::stream_driver {

class LengthPrefixReader {
 public:
  static constexpr size_t max_picture_bytes = size_t{32} << 20;

  // `protocol` for a length of 0 or over the bound: nothing can be found again after it.
  using Picture = std::function<void(std::span<const std::byte>)>;
  Result<void> push(std::span<const std::byte> bytes, const Picture& picture) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    size_t at = 0;
    while (bytes_.size() - at >= 4) {
      size_t length = 0;
      for (size_t i = 0; i < 4; ++i) length = length << 8 | std::to_integer<size_t>(bytes_[at + i]);
      if (length == 0 || length > max_picture_bytes) {
        return Error{ErrorCode::protocol,
                     "a picture's length of " + std::to_string(length) + " bytes: is this a tcp+jpeg port?"};
      }
      if (bytes_.size() - at - 4 < length) break;
      picture(std::span<const std::byte>(bytes_).subspan(at + 4, length));
      at += 4 + length;
    }
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
  }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace camweave::stream_driver
