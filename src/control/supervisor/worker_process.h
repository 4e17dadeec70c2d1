// WorkerProcess: a started camweave-capture-<driver>: its socket, stderr, process group and pidfd. Thread-safe.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace camweave {

struct WorkerProcess {
  pid_t pid = -1;       // also its process group: what it starts itself is ended with it
  UniqueFd pid_fd;      // readable once it has ended
  UniqueFd socket;      // our end of its fd 3
  UniqueFd error_pipe;  // its stderr and stdout; non-blocking

  // The child gets stdin /dev/null, fd 3 and stderr, no other descriptor, and default signal handling. Call from a
  // thread that lives as long as the worker shall: a worker asks the kernel to end it with its parent thread
  // (PR_SET_PDEATHSIG).
  static Result<WorkerProcess> start(const std::string& program);

  void signal(int number) const;  // to the whole group
};

// "ended by signal 9 (Killed)", "ended with exit code 1".
std::string describe_exit(int wait_status);

}  // namespace camweave
