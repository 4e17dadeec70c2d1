// GET /api/v1/cameras/{id}/stream.mjpg: JPEGs as multipart/x-mixed-replace (interfaces sections 9 and 12).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "net/http_server.h"
#include "stream/cameras.h"

namespace camweave {

// For the route with {id}: takes ?size=&fps=&quality=&rotate=. `cameras` must outlive the loops.
HttpHandler mjpeg_handler(Cameras& cameras);

// The same on a camera and rendition that the caller chose.
struct MjpegOptions {
  bool metadata_headers = true;                // false: Content-Type alone in each part, as /preview has it
  std::optional<std::chrono::seconds> length;  // ends after this
};
void start_mjpeg(const std::shared_ptr<HttpExchange>& exchange, Cameras& cameras, std::string_view camera_id,
                 const Rendition& rendition, const MjpegOptions& options = {});

}  // namespace camweave
