#include "capture/v4l2/v4l2_camera.h"
#include "capture/worker.h"

namespace {

camweave::v4l2::SystemKernel& kernel() {
  static camweave::v4l2::SystemKernel system;
  return system;
}

}  // namespace

int main(int argc, char** argv) {
  const camweave::Driver driver{
      "v4l2", [](const camweave::Clock& clock, camweave::Log& log) { return camweave::v4l2::make_camera(kernel(), clock, log); },
      [] { return camweave::v4l2::list_cameras(kernel()); }};
  return camweave::run_worker(driver, argc, argv);
}
