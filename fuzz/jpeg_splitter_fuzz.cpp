// The JPEG splitter: torn anywhere it finds the same pictures, and each byte is in a picture or skipped.
// The first byte says how the stream is torn.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "media/jpeg/splitter.h"

namespace {

using Pictures = std::vector<std::vector<std::byte>>;

Pictures split(std::span<const std::byte> stream, size_t chunk) {
  camweave::jpeg::Splitter splitter;
  Pictures pictures;
  size_t held = 0;
  for (size_t at = 0; at < stream.size(); at += chunk) {
    splitter.push(stream.subspan(at, std::min(chunk, stream.size() - at)), [&](std::span<const std::byte> picture) {
      pictures.emplace_back(picture.begin(), picture.end());
      held += picture.size();
    });
  }
  if (held + splitter.skipped_bytes() > stream.size()) std::abort();
  return pictures;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto stream = std::as_bytes(std::span(data + 1, size - 1));
  if (split(stream, data[0] % 64 + 1u) != split(stream, stream.size())) std::abort();
  return 0;
}
