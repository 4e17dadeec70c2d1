#include <cstdlib>

#include "capture/libcamera/libcamera_camera.h"
#include "capture/libcamera/system/library_system.h"
#include "capture/worker.h"

namespace {

camweave::libcam::LibrarySystem& library() {
  static camweave::libcam::LibrarySystem system;
  return system;
}

}  // namespace

int main(int argc, char** argv) {
  // Its warnings belong in our log, its news don't, unless somebody asks for them.
  ::setenv("LIBCAMERA_LOG_LEVELS", "*:WARN", 0);
  ::setenv("LIBCAMERA_LOG_NO_COLOR", "1", 0);
  const camweave::Driver driver{"libcamera",
                                [](const camweave::Clock& clock, camweave::Log& log) {
                                  return camweave::libcam::make_camera(library(), clock, log);
                                },
                                [] { return camweave::libcam::list_cameras(library()); }};
  return camweave::run_worker(driver, argc, argv);
}
