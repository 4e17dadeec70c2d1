// `--list`: what libcamera has here, and why one can't be used.
#include "capture/libcamera/camera_finder.h"
#include "capture/libcamera/controls.h"
#include "capture/libcamera/libcamera_camera.h"
#include "capture/libcamera/stream_modes.h"

namespace camweave::libcam {
namespace {

FoundCamera describe(CameraSystem& system, const CameraName& name) {
  FoundCamera found;
  found.source = source_of(name);
  found.model = name.model;
  found.devices = name.devices;
  auto device = system.take(name.id);
  if (!device) {
    found.problem = device.error().message;
    return found;
  }
  found.modes =
      modes_of((*device)->offers(StreamUse::video), {}, nearest_fps_milli((*device)->controls(), usual_fps_milli));
  found.controls = CameraControls((*device)->controls()).read();
  if (found.modes.empty()) found.problem = name.id + ": gives no picture format that this driver knows";
  return found;
}

}  // namespace

Result<std::vector<FoundCamera>> list_cameras(CameraSystem& system) {
  auto names = system.cameras();
  if (!names) return names.error();
  sort_as_indexed(*names);
  std::vector<FoundCamera> cameras;
  for (const CameraName& name : *names) cameras.push_back(describe(system, name));
  return cameras;
}

}  // namespace camweave::libcam
