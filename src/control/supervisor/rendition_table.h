// RenditionTable: which renditions of one camera are wanted now, and the streams that their packets go to. A rendition
// is wanted while a reader holds its stream; equal requests, after what the camera can do at all, are one rendition.
// Not thread-safe: the supervisor's lock guards it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "ipc/messages.h"
#include "stream/cameras.h"
#include "stream/stream.h"

namespace camweave {

// What a worker would make of it: a size or rate above the camera's is the camera's own, fields that mean nothing for
// the codec are 0, and defaults are filled in where the picture is encoded anyway. `mode` with an empty size: not known
// yet.
Rendition normalised(const Rendition& rendition, const ipc::Mode& mode);

class RenditionTable {
 public:
  struct Wanted {
    uint32_t id = 0;
    Rendition rendition;
    std::vector<std::weak_ptr<Stream>> streams;
  };

  // The camera's mode, once known and when it changes: requests that become equal by it become one rendition.
  void set_mode(const ipc::Mode& mode);

  // The stream that is there already, or a new one from `make`. `exhausted` when max_renditions_per_camera different
  // ones are held.
  using Make = std::function<std::shared_ptr<Stream>(const Rendition& rendition)>;
  Result<std::shared_ptr<Stream>> open(const Rendition& asked, const Make& make);

  // What is held, each rendition once; those let go are forgotten. An id belongs to one rendition for ever.
  const std::vector<Wanted>& wanted();
  bool is_wanted() const;
  // Those that somebody holds: id and rendition, with the bitrate as it is now.
  std::vector<RenditionStatus> held() const;
  // From now on, and for every later reader who asks for the same. `not_found`: nobody holds one with this id;
  // `unsupported`: a JPEG; `exhausted`: too many different ones were set.
  Result<void> set_bitrate(uint32_t id, int bitrate_kbps);
  // What is to be made, in full: the rendition with its bitrate as it is now.
  Rendition as_made(const Rendition& rendition) const;
  uint32_t last_id() const { return next_id_ - 1; }
  // 0: not wanted.
  uint32_t id_of(const Rendition& stream_rendition) const;

  // Their readers get `closed` with this reason.
  void close(uint32_t id, const std::string& reason);
  void close_all(const std::string& reason);

 private:
  void forget_unused();
  Wanted* find(const Rendition& rendition);
  void place(Rendition rendition, std::weak_ptr<Stream> stream);

  ipc::Mode mode_;
  uint32_t next_id_ = 1;
  std::vector<Wanted> wanted_;
  std::map<Rendition, int> bitrates_kbps_;  // set while running, by what was asked for
};

}  // namespace camweave
