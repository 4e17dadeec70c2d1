// FramePipe: sends a frame to many sockets, its pages looked up once for all of them. sendfile finds every page anew
// for each client; here they are put into a pipe once, multiplied from pipe to pipe (tee(2): references, no bytes), and
// each client is one splice(2). What that saves: docs/design/0002-frame-path.md. A loop has one.
// Thread-bound.
//
// The rule of media/packet_memory.h holds here, too: what pipes and sockets hold are the pages themselves, which live
// on when their region is given back.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>

#include "base/unique_fd.h"
#include "media/packet_memory.h"

namespace camweave {

class FramePipe {
 public:
  static constexpr size_t largest_bytes = size_t{1} << 20;  // what fs.pipe-max-size lets everybody have
  static constexpr size_t most_copies = 8;  // one tee brings: more are in vain for a frame's last clients

  // Sends `image` from its beginning, as sendfile(2) does: the bytes that `socket` (non-blocking) took, or -1 and
  // errno. The first client of an image gets it by sendfile itself; so does everyone where pipes don't serve: images
  // that are too large, several that take turns, no more file descriptors, a sandbox that forbids them.
  ssize_t send(int socket, const WireImage& image);

  // Lets go of a frame that nobody was sent since the last call; true: keeps one.
  bool forget_unused();

 private:
  // Copies of the loaded frame, one behind another.
  struct Pipe {
    UniqueFd out, in;
    size_t pages = 0;  // room
    size_t copies = 0;
  };

  bool is_loaded(const WireImage& image) const;
  bool is_second_call_for(const WireImage& image);
  bool load(const WireImage& image);
  bool unload();
  bool make_room(Pipe& pipe) const;
  bool refill();
  bool add_copies(const Pipe& from, Pipe& to) const;
  bool discard(const Pipe& pipe, size_t bytes);
  ssize_t send_from_stock(int socket);
  bool start_again();

  Pipe source_;    // what the stock is refilled from
  Pipe stock_;     // what is sent
  UniqueFd null_;  // where what is left over goes
  WireImage loaded_;
  size_t loaded_pages_ = 0;                      // of one copy
  std::weak_ptr<const PacketBuffer> asked_for_;  // last
  off_t asked_for_offset_ = 0;
  size_t asked_for_times_ = 0;  // in a row, while it was not loaded
  bool was_refilled_ = false;   // since the frame was loaded
  bool is_used_ = false;        // since the last forget_unused()
};

}  // namespace camweave
