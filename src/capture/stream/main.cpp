#include "capture/stream/stream_camera.h"
#include "capture/worker.h"

int main(int argc, char** argv) {
  const camweave::Driver driver{"stream", &camweave::stream_driver::make_camera, nullptr};
  return camweave::run_worker(driver, argc, argv);
}
