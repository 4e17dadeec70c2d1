// The bodies of the camera-control requests. Whatever is refused must be sayable in both forms.
#include <string_view>

#include "control/camera_control/control_body.h"

namespace {

void say(const std::vector<camweave::BodyProblem>& problems) {
  if (problems.empty()) return;
  const auto detail = camweave::fastapi_detail(problems);
  if (detail["detail"].size() != problems.size() || problems.front().line.empty()) __builtin_trap();
  (void)detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace camweave;
  if (size > max_control_body_bytes) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  say(parse_switch_body(body).problems);
  say(parse_exposure_body(body).problems);
  return 0;
}
