// One image's pages in a pipe, looked up once; each client is sent a copy of their references (tee) by splice.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "../common/unique_fd.h"

namespace bench {

class PagePipe {
 public:
  // For images of at most that size. False when the system refuses.
  bool open(size_t largest_bytes);
  // In place of the image before it. False: nothing is loaded.
  bool load(int file, off_t offset, size_t bytes);
  // As sendfile(2) of the whole loaded image.
  ssize_t send(int socket);

 private:
  struct Pipe {
    UniqueFd out, in;
  };
  static bool open(Pipe& pipe, size_t bytes);
  bool discard(const Pipe& pipe, size_t bytes);

  Pipe source_, copy_;
  UniqueFd null_;
  size_t loaded_bytes_ = 0;
  size_t copied_bytes_ = 0;
};

}  // namespace bench
