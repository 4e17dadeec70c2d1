#include "capture/camera_list.h"

#include <nlohmann/json.hpp>

#include "ipc/json.h"

namespace camweave {

std::string to_json_text(const std::vector<FoundCamera>& cameras) {
  using nlohmann::json;
  json list = json::array();
  for (const FoundCamera& camera : cameras) {
    json modes = json::array();
    for (const ipc::Mode& mode : camera.modes) modes.push_back(ipc::to_json(mode));
    list.push_back({{"source", camera.source},
                    {"make", camera.make},
                    {"model", camera.model},
                    {"serial", camera.serial},
                    {"modes", std::move(modes)},
                    {"controls", ipc::to_json(camera.controls)},
                    {"problem", camera.problem},
                    {"devices", camera.devices}});
  }
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace camweave
