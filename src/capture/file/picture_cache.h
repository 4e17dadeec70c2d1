// PictureCache: the pictures of a small folder, read (and decoded) once instead of in every pass. A picture that was
// written again on disk is another one. Thread-bound.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "media/frame.h"

namespace camweave::file {

class PictureCache {
 public:
  static constexpr size_t max_bytes = size_t{8} << 20;

  // What tells one writing of a file from the next; nullopt where there is no such file.
  struct Writing {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t modified_ns = 0;
    bool operator==(const Writing&) const = default;
  };
  static std::optional<Writing> writing_of(const char* path);

  // The picture with this index, if it was kept and `writing` is still what was kept.
  std::optional<Frame> find(size_t index, const std::optional<Writing>& writing) const;
  // Does nothing where there is no more room: of a larger folder the first pictures are kept.
  void keep(size_t index, const std::optional<Writing>& writing, const Frame& picture);
  void clear();

 private:
  struct Kept {
    Writing writing;
    Frame picture;
  };
  std::unordered_map<size_t, Kept> kept_;
  size_t bytes_ = 0;
};

}  // namespace camweave::file
