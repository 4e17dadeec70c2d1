// Request targets and urlencoded bodies: what is taken apart holds nothing that a handler must not see.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/http_message.h"
#include "net/ip_address.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  camweave::HttpRequest request;
  if (camweave::parse_request_target(text, request).ok()) {
    if (!request.path.starts_with('/')) std::abort();
    for (const auto& segment : request.segments) {
      if (segment == ".." || segment.find('\0') != std::string::npos || segment.find('\n') != std::string::npos)
        std::abort();
    }
  }
  (void)camweave::parse_form_fields(text);
  (void)camweave::has_list_token(text, "upgrade");
  if (const auto listen = camweave::parse_listen_address(text)) {
    if (camweave::parse_listen_address(listen->to_string())->address != listen->address) std::abort();
  }
  return 0;
}
