// Which cameras are here: asks every driver's program (`camweave-capture-X --list`), all at once.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/supervisor/driver_table.h"
#include "ipc/messages.h"
#include "media/control.h"

namespace camweave {

struct DiscoveredCamera {
  std::string driver;
  std::string source;  // what to write as `source`
  std::string make, model, serial;
  std::vector<ipc::Mode> modes;
  std::vector<Control> controls;
  std::string problem;  // "": usable
  std::vector<std::string> devices{};  // its device nodes, where the driver knows them
};

struct DriverFindings {
  std::string driver;
  std::vector<DiscoveredCamera> cameras;
  std::string problem;  // why it could not look; "" otherwise
};

// Blocks for at most `patience`; a driver that takes longer is ended and says so. Drivers that are not installed are
// left out. In the order of the driver table.
std::vector<DriverFindings> find_cameras(const WorkerPrograms& programs, std::chrono::milliseconds patience);

// Where libcamera and V4L2 found the same USB camera: V4L2's is the one to use (it knows its serial number, all its controls and
// rates), libcamera's says so. Pure; find_cameras() has done it.
void name_shared_cameras_once(std::vector<DriverFindings>& findings);

// The usable ones as a configuration: cam0, cam1, …; a device that two drivers offer is taken from the first. Without
// any: two test patterns.
std::vector<CameraConfig> configuration_of(const std::vector<DriverFindings>& findings);

// What a driver's --list printed. Pure.
Result<std::vector<DiscoveredCamera>> parse_camera_list(std::string_view driver, std::string_view json_text);

}  // namespace camweave
