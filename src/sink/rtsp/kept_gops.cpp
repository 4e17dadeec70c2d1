#include "sink/rtsp/kept_gops.h"

#include <optional>

namespace camweave {
namespace {

std::optional<Codec> own_codec(const CameraStatus& status) {
  if (status.capture_on_demand || status.mode.size.empty()) return std::nullopt;
  if (status.mode.format == PixelFormat::h264) return Codec::h264;
  if (status.mode.format == PixelFormat::h265) return Codec::h265;
  return std::nullopt;
}

}  // namespace

struct KeptGops::Held {
  explicit Held(Cameras& its_cameras) : cameras(its_cameras) {}

  void look_at(const CameraStatus& status) {
    const auto codec = own_codec(status);
    std::shared_ptr<Stream> let_go;  // outside the lock: the last one to let go calls into the cameras
    MutexLock lock(mutex);
    if (has_ended) return;
    auto& stream = streams[status.id];
    if (!codec) {
      let_go = std::move(stream);
      streams.erase(status.id);
      return;
    }
    if (stream && stream->rendition().codec == *codec && !stream->close_reason()) return;
    let_go = std::move(stream);
    if (auto opened = cameras.open(status.id, Rendition{.codec = *codec})) stream = *std::move(opened);
  }
  void forget(const std::string& id) {
    std::shared_ptr<Stream> let_go;
    MutexLock lock(mutex);
    if (const auto found = streams.find(id); found != streams.end()) {
      let_go = std::move(found->second);
      streams.erase(found);
    }
  }
  void end() {
    std::map<std::string, std::shared_ptr<Stream>> let_go;
    MutexLock lock(mutex);
    has_ended = true;
    let_go.swap(streams);
  }

  Cameras& cameras;
  Mutex mutex;
  bool has_ended GUARDED_BY(mutex) = false;
  std::map<std::string, std::shared_ptr<Stream>> streams GUARDED_BY(mutex);
};

KeptGops::KeptGops(Cameras& cameras) : held_(std::make_shared<Held>(cameras)) {
  subscription_ = cameras.subscribe([held = held_](const CameraEvent& event) {
    switch (event.kind) {
      case CameraEvent::Kind::changed:
        return held->look_at(event.status);
      case CameraEvent::Kind::removed:
        return held->forget(event.id);
      case CameraEvent::Kind::controls:
        return;
    }
  });
  for (const CameraStatus& status : cameras.list()) held_->look_at(status);
}

KeptGops::~KeptGops() {
  subscription_.reset();
  held_->end();
}

}  // namespace camweave
