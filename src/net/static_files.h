// The web page, compiled into the program (cmake/EmbedWeb.cmake). Immutable.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "net/router.h"

namespace camweave {

struct StaticFile {
  std::string_view path;  // "/index.html", "/assets/index-4f2a.js"
  std::span<const std::byte> raw;
  std::span<const std::byte> gzip;  // empty: not worth it
  std::string_view etag;            // quoted
};

// What was built from web/dist, or one page that says that it was not built.
std::span<const StaticFile> embedded_web_files();
bool has_web_page();

// Serves `files`, "/" as "/index.html", with ETag, compression, cache and security headers; 404 in JSON. For
// Router::fallback().
HttpHandler static_file_handler(std::span<const StaticFile> files);

}  // namespace camweave
