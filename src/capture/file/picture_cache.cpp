#include "capture/file/picture_cache.h"

namespace camweave::file {
namespace {

size_t bytes_of(const Frame& picture) {
  size_t bytes = 0;
  for (const Plane& plane : picture.planes) bytes += plane.size_bytes;
  return bytes;
}

}  // namespace

std::optional<PictureCache::Writing> PictureCache::writing_of(const char* path) {
  struct stat status {};
  if (::stat(path, &status) != 0) return std::nullopt;
  const int64_t modified_ns = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  return Writing{status.st_dev, status.st_ino, status.st_size, modified_ns};
}

std::optional<Frame> PictureCache::find(size_t index, const std::optional<Writing>& writing) const {
  const auto kept = kept_.find(index);
  if (kept == kept_.end() || writing != kept->second.writing) return std::nullopt;
  return kept->second.picture;
}

void PictureCache::keep(size_t index, const std::optional<Writing>& writing, const Frame& picture) {
  if (const auto older = kept_.find(index); older != kept_.end()) {
    bytes_ -= bytes_of(older->second.picture);
    kept_.erase(older);
  }
  if (!writing || bytes_ + bytes_of(picture) > max_bytes) return;
  bytes_ += bytes_of(picture);
  kept_.emplace(index, Kept{*writing, picture});
}

void PictureCache::clear() {
  kept_.clear();
  bytes_ = 0;
}

}  // namespace camweave::file
