// `camweave cameras`: what every driver finds here.
#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "control/discovery/find_cameras.h"
#include "ipc/json.h"

namespace camweave {
namespace {

using nlohmann::json;
constexpr std::chrono::seconds patience(10);  // nobody streams meanwhile: network cameras may take their time

std::string describe(const DiscoveredCamera& camera) {
  std::string name = camera.make;
  if (!camera.model.empty()) name += (name.empty() ? "" : " ") + camera.model;
  std::string text = fmt::format("{}\n", camera.source);
  if (!name.empty()) text += fmt::format("    {}{}\n", name, camera.serial.empty() ? "" : ", serial " + camera.serial);
  if (!camera.problem.empty()) text += fmt::format("    can't be used: {}\n", camera.problem);
  for (const ipc::Mode& mode : camera.modes) {
    text += fmt::format("    {} {} {:g} fps\n", to_string(mode.format), to_string(mode.size), mode.fps_milli / 1000.0);
  }
  return text;
}

json as_json(const std::vector<DriverFindings>& findings) {
  json cameras = json::array(), drivers = json::array();
  for (const DriverFindings& finding : findings) {
    drivers.push_back({{"name", finding.driver}, {"problem", finding.problem}});
    for (const DiscoveredCamera& camera : finding.cameras) {
      json modes = json::array();
      for (const ipc::Mode& mode : camera.modes) modes.push_back(ipc::to_json(mode));
      cameras.push_back({{"source", camera.source},
                         {"driver", camera.driver},
                         {"make", camera.make},
                         {"model", camera.model},
                         {"serial", camera.serial},
                         {"modes", std::move(modes)},
                         {"controls", ipc::to_json(camera.controls)},
                         {"problem", camera.problem}});
    }
  }
  return {{"cameras", std::move(cameras)}, {"drivers", std::move(drivers)}};
}

}  // namespace

int list_cameras(ListFormat format) {
  const auto findings = find_cameras(WorkerPrograms::beside_this_program(), patience);
  if (format == ListFormat::json) {
    std::printf("%s\n", as_json(findings).dump(2, ' ', false, json::error_handler_t::replace).c_str());
    return exit_fine;
  }
  size_t count = 0;
  for (const DriverFindings& finding : findings) {
    count += finding.cameras.size();
    for (const DiscoveredCamera& camera : finding.cameras) std::fputs(describe(camera).c_str(), stdout);
    if (!finding.problem.empty()) std::printf("(%s: %s)\n", finding.driver.c_str(), finding.problem.c_str());
  }
  if (count == 0) std::printf("no cameras found; `camweave serve` shows two test patterns then\n");
  return exit_fine;
}

}  // namespace camweave
