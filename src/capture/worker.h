// The shared runtime of every worker program: main() of camweave-capture-<driver> is `return run_worker(driver, argc,
// argv)`.
//
//   camweave-capture-X            run one camera, socket on fd 3 (started by `camweave serve`)
//   camweave-capture-X --list     print the found cameras as a JSON array on stdout and exit (camera_list.h); where the
//                                 driver can't look, one `error TEXT` line on stderr and exit code 1
//
// Log lines go to stderr as `LEVEL text`, LEVEL being debug, info, warning or error. Exit codes: 0 stopped, 1 the
// camera failed (the reason went to the server), 2 wrong use.
//
// Threads: control (the main thread: reads the socket), driver (Camera::run), one for each encoded rendition.
// Ends when the socket ends, whatever else happens, also after kill -9 of the server (PR_SET_PDEATHSIG besides).
#pragma once

#include "capture/camera.h"
#include "encode/encoder.h"

namespace camweave {

int run_worker(const Driver& driver, int argc, char** argv);

}  // namespace camweave
