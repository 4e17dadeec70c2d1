// The configuration: TOML with our table of fields, and --set words.
#include "control/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = camweave::parse_config(text, "fuzz.toml");
  if (!config && config.error().message.empty()) __builtin_trap();
  if (config) (void)camweave::keys_that_need_a_restart({}, config->server);
  // The same bytes as a --set word: no input may throw or crash there either.
  if (size < 4096) (void)camweave::parse_config("", "", {std::string(text)});
  return 0;
}
