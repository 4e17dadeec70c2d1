#include "capture/exec/exec_camera.h"
#include "capture/worker.h"

int main(int argc, char** argv) {
  const camweave::Driver driver{"exec", &camweave::exec::make_camera, nullptr};
  return camweave::run_worker(driver, argc, argv);
}
