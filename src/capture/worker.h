// The shared runtime of every worker program: main() of camweave-capture-<driver> is `return run_worker(driver, argc, argv)`.
//
//   camweave-capture-X            run one camera, socket on fd 3 (started by `camweave serve`)
//   camweave-capture-X --list     print the found cameras as JSON on stdout and exit
//
// Threads: control (the main thread: reads the socket), driver (Camera::run), one for each encoded rendition.
// Ends when the socket ends, whatever else happens, also after kill -9 of the server (PR_SET_PDEATHSIG besides).
#pragma once

#include "capture/camera.h"

namespace camweave {

int run_worker(const Driver& driver, int argc, char** argv);

}  // namespace camweave
