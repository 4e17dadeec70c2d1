// GET /api/v1/cameras/{id}/snapshot.jpg[?size=&quality=&rotate=&full=1]: one picture.
#pragma once

#include "net/http_server.h"
#include "stream/cameras.h"

namespace camweave {

// For the route with {id}. `cameras` must outlive the loops.
HttpHandler snapshot_handler(Cameras& cameras);

// The same on a camera and rendition that the caller chose. Answers within 5 s: 503 with the camera's state when none
// came.
void send_snapshot(const std::shared_ptr<HttpExchange>& exchange, Cameras& cameras, std::string_view camera_id,
                   const Rendition& rendition);
// A fresh full-resolution still; 503 with the camera's words when it can't.
void send_still(const std::shared_ptr<HttpExchange>& exchange, Cameras& cameras, std::string_view camera_id,
                int quality);

}  // namespace camweave
