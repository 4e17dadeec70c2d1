// Cookie and Host headers: a value is a part of its header without a semicolon, and a cookie's name holds nothing of the
// client's but digits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/sessions.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto value = camweave::cookie_value(text, "session")) {
    if (value->find(';') != std::string_view::npos || value->data() < text.data() ||
        value->data() + value->size() > text.data() + text.size())
      std::abort();
  }
  constexpr std::string_view start = "camweave_session";
  const std::string name = camweave::Sessions::cookie_name(text);
  const auto is_of_ours = [](char c) { return c == '_' || (c >= '0' && c <= '9'); };
  if (!name.starts_with(start) || !std::all_of(name.begin() + start.size(), name.end(), is_of_ours)) std::abort();
  return 0;
}
