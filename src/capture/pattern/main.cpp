#include "capture/pattern/pattern_camera.h"
#include "capture/worker.h"

int main(int argc, char** argv) { return camweave::run_worker(camweave::pattern_driver(), argc, argv); }
