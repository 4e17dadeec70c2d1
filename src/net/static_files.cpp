#include "net/static_files.h"

#include <algorithm>
#include <array>

#include "net/http_server.h"

namespace camweave {
namespace {

struct MimeType {
  std::string_view ending;
  const char* type;
};
constexpr std::array mime_types{MimeType{".html", "text/html; charset=utf-8"},
                                MimeType{".js", "text/javascript; charset=utf-8"},
                                MimeType{".mjs", "text/javascript; charset=utf-8"},
                                MimeType{".css", "text/css; charset=utf-8"},
                                MimeType{".json", "application/json"},
                                MimeType{".webmanifest", "application/manifest+json"},
                                MimeType{".svg", "image/svg+xml"},
                                MimeType{".png", "image/png"},
                                MimeType{".jpg", "image/jpeg"},
                                MimeType{".webp", "image/webp"},
                                MimeType{".ico", "image/x-icon"},
                                MimeType{".woff2", "font/woff2"},
                                MimeType{".wasm", "application/wasm"},
                                MimeType{".txt", "text/plain; charset=utf-8"},
                                MimeType{".map", "application/json"}};

constexpr const char* content_security_policy =
    "default-src 'self'; img-src 'self' blob: data:; connect-src 'self' ws: wss:; worker-src 'self' blob:; "
    "frame-ancestors 'self'";

const char* mime_type(std::string_view path) {
  const auto row =
      std::ranges::find_if(mime_types, [&](const MimeType& entry) { return path.ends_with(entry.ending); });
  return row == mime_types.end() ? "application/octet-stream" : row->type;
}

// Whether Accept-Encoding takes gzip: named, or by "*", and not with a weight of nothing.
bool accepts_gzip(std::string_view header) {
  while (!header.empty()) {
    const size_t end = std::min(header.find(','), header.size());
    std::string_view item = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    std::string compact;
    std::ranges::copy_if(item, std::back_inserter(compact), [](char c) { return c != ' ' && c != '\t'; });
    const std::string_view name = std::string_view(compact).substr(0, compact.find(';'));
    const size_t weight = compact.find(";q=");
    const bool is_refused =
        weight != std::string::npos && compact.find_first_not_of("0.", weight + 3) == std::string::npos;
    if ((name == "gzip" || name == "*") && !is_refused) return true;
  }
  return false;
}

// If-None-Match compares weakly (RFC 9110 section 13.1.2).
bool matches_etag(std::string_view header, std::string_view etag) {
  while (!header.empty()) {
    const size_t end = std::min(header.find(','), header.size());
    std::string_view item = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item == "*" || item == etag) return true;
  }
  return false;
}

HttpResponse serve(const StaticFile& file, const HttpRequest& request) {
  HttpResponse response;
  const bool compressed = !file.gzip.empty() && accepts_gzip(request.header("Accept-Encoding"));
  // Each encoding is its own representation, so it has its own tag.
  std::string etag(file.etag);
  if (compressed) etag.insert(etag.size() - 1, "-gz");
  const bool is_named_by_content = file.path.starts_with("/assets/");
  response.with("ETag", etag)
      .with("Vary", "Accept-Encoding")
      .with("Cache-Control", is_named_by_content ? "public, max-age=31536000, immutable" : "no-cache")
      .with("Content-Security-Policy", content_security_policy)
      .with("Referrer-Policy", "no-referrer");
  if (matches_etag(request.header("If-None-Match"), etag)) {
    response.status = 304;
    return response;
  }
  response.with("Content-Type", mime_type(file.path));
  if (compressed) response.with("Content-Encoding", "gzip");
  response.shared_body = compressed ? file.gzip : file.raw;
  return response;
}

}  // namespace

HttpHandler static_file_handler(std::span<const StaticFile> files) {
  return [files](const std::shared_ptr<HttpExchange>& exchange) {
    const HttpRequest& request = exchange->request();
    const std::string_view path = request.path == "/" ? std::string_view("/index.html") : request.path;
    const auto file = std::ranges::find(files, path, &StaticFile::path);
    exchange->respond(file == files.end() ? detail_response(404, "nothing is served at this path")
                                          : serve(*file, request));
  };
}

}  // namespace camweave
