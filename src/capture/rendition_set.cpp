#include "capture/rendition_set.h"

#include <algorithm>

namespace camweave {

void RenditionSet::set(const std::vector<ipc::WantedRendition>& wanted) {
  std::vector<std::unique_ptr<ActiveRendition>> stopping;  // ended outside the lock: frames go on meanwhile
  MutexLock lock(mutex_);
  stopping.swap(active_);
  for (const ipc::WantedRendition& one : wanted) {
    const auto known = std::ranges::find_if(stopping, [&](const auto& r) { return r && r->id() == one.id; });
    if (known == stopping.end()) {
      active_.push_back(std::make_unique<ActiveRendition>(one, link_, make_encoder_));
    } else {
      (*known)->set_bitrate(one.rendition.bitrate_kbps);
      active_.push_back(std::move(*known));
    }
  }
}

void RenditionSet::request_keyframe(uint32_t rendition_id) {
  MutexLock lock(mutex_);
  for (const auto& rendition : active_) {
    if (rendition->id() == rendition_id) rendition->request_keyframe();
  }
}

bool RenditionSet::empty() const {
  MutexLock lock(mutex_);
  return active_.empty();
}

std::vector<ipc::RenditionEncoder> RenditionSet::encoders() const {
  std::vector<ipc::RenditionEncoder> encoders;
  MutexLock lock(mutex_);
  for (const auto& rendition : active_) {
    if (const char* name = rendition->encoder_name()) encoders.push_back({rendition->id(), name});
  }
  return encoders;
}

bool RenditionSet::needs_decoded(const CapturedFrame& frame) const {
  MutexLock lock(mutex_);
  return std::ranges::any_of(active_, [&](const auto& rendition) { return rendition->needs_decoded(frame); });
}

void RenditionSet::fail_decoded(const CapturedFrame& frame, const Error& why) {
  MutexLock lock(mutex_);
  for (const auto& rendition : active_) {
    if (rendition->needs_decoded(frame)) rendition->fail(why);
  }
}

void RenditionSet::deliver(const CapturedFrame& frame) {
  MutexLock lock(mutex_);
  for (const auto& rendition : active_) rendition->offer(frame);
}

}  // namespace camweave
