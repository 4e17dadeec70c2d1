// RenditionSet: the renditions that the server wants of this camera now. Thread-safe: the control thread changes it,
// the driver and decoder threads give it frames.
#pragma once

#include <memory>
#include <vector>

#include "base/mutex.h"
#include "capture/active_rendition.h"

namespace camweave {

class RenditionSet {
 public:
  // `link` outlives it.
  RenditionSet(WorkerLink& link, EncoderFactory make_encoder) : link_(link), make_encoder_(std::move(make_encoder)) {}

  // The whole new list: what isn't in it stops, a known id keeps running (with the new bitrate), the others begin with
  // the next frame. Waits for the pictures in work of those that stop.
  void set(const std::vector<ipc::WantedRendition>& wanted);
  void request_keyframe(uint32_t rendition_id);

  bool empty() const;
  // What makes each of those that frames came out of.
  std::vector<ipc::RenditionEncoder> encoders() const;
  void deliver(const CapturedFrame& frame);
  // Of an inter-coded frame: whether a rendition waits for its decoded picture; and what to tell those when none comes.
  bool needs_decoded(const CapturedFrame& frame) const;
  void fail_decoded(const CapturedFrame& frame, const Error& why);

 private:
  WorkerLink& link_;
  const EncoderFactory make_encoder_;

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<ActiveRendition>> active_ GUARDED_BY(mutex_);
};

}  // namespace camweave
