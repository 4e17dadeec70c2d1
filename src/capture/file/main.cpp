#include "capture/file/file_camera.h"
#include "capture/worker.h"

int main(int argc, char** argv) {
  const camweave::Driver driver{"file", &camweave::file::make_camera, nullptr};
  return camweave::run_worker(driver, argc, argv);
}
