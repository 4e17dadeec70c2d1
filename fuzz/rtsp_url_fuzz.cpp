// The address of a push's target, or where a redirect points.
#include "net/rtsp/rtsp_url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto url = camweave::rtsp::parse_rtsp_url({reinterpret_cast<const char*>(data), size});
  if (!url) return 0;
  // What requests name is an address again, the same one without its secrets.
  const auto again = camweave::rtsp::parse_rtsp_url(url->request_url);
  if (!again || again->host != url->host || again->port != url->port || again->has_credentials) __builtin_trap();
  return 0;
}
