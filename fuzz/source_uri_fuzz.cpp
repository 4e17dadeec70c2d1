// Sources as a user writes them: taking apart must never crash, and no password may be left in the redacted form.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "media/source_uri.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto uri = camweave::parse_source_uri(text);
  (void)camweave::percent_decode(text);
  if (text.find("hunter2") != std::string_view::npos) return 0;
  const auto with_secret = camweave::parse_source_uri("rtsp://user:hunter2@host/" + std::string(text));
  if (with_secret && with_secret->redacted.find("hunter2") != std::string::npos) std::abort();
  return 0;
}
