// JPEGs over WebSocket: one binary message, one picture.
#pragma once

#include <list>
#include <map>
#include <memory>

#include "base/log.h"
#include "base/mutex.h"
#include "net/http_server.h"
#include "sink/frame_session.h"
#include "stream/cameras.h"

namespace camweave {

// WS /api/v1/cameras/{id}/jpeg[?size=&fps=&quality=&rotate=]. `cameras` must outlive the loops.
HttpHandler websocket_jpeg_handler(Cameras& cameras);

// WS /ws/stream/{index}: every session has the same rendition, which changes while they are open. Thread-safe.
class IndexedStreams {
 public:
  // Both borrowed ones must outlive the loops.
  IndexedStreams(Cameras& cameras, Log& log, const Rendition& rendition);
  ~IndexedStreams();

  // For the route with {index}; must be let go before this object. An index with no camera: 404.
  HttpHandler handler();

  // Every open session and each later one. Open sessions keep the old rendition until the new one's first frame.
  void switch_all(const Rendition& rendition);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace camweave
