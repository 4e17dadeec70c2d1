// A source as somebody wrote it into the configuration or posted it.
#include "media/source_uri.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  [[maybe_unused]] const auto uri = camweave::parse_source_uri(text);
  [[maybe_unused]] const auto decoded = camweave::percent_decode(text);
  [[maybe_unused]] const auto redacted = camweave::redact_url(text);
  return 0;
}
