// POST /config in its three forms; the first byte picks one. What is accepted must survive being written and read
// again.
#include <nlohmann/json.hpp>

#include "control/dual_camera/multipart_form.h"
#include "control/dual_camera/pair_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camweave;
  if (size == 0) return 0;
  constexpr const char* types[] = {"multipart/form-data; boundary=b", "application/x-www-form-urlencoded",
                                   "application/json"};
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto request = parse_pair_config(types[data[0] % 3], body);
  if (request.ok()) {
    const auto again = parse_pair_config("application/json", to_json(request.config).dump());
    if (!again.ok() || !(again.config == request.config)) __builtin_trap();
  }
  // A hostile Content-Type, too.
  if (const auto boundary = multipart_boundary(body)) (void)parse_multipart_form(body, *boundary);
  return 0;
}
