// ChildProcess: a program with its standard output and error on pipes, in a process group of its own that always ends:
// with this object, and when this process dies in whatever way. A guard process, forked beside it, sees to the latter:
// it waits for the end of a pipe that only we hold and then ends the group. Thread-bound.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace camweave::exec {

class ChildProcess {
 public:
  // words[0] is looked up in PATH where it has no '/'. Fails with `not_found` or what execve says.
  static Result<ChildProcess> start(const std::vector<std::string>& words);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  // as end()

  int output_fd() const { return output_.get(); }  // non-blocking
  int errors_fd() const { return errors_.get(); }  // non-blocking

  // SIGTERM to the group, a second of grace, SIGKILL. Says how the program itself ended: "exit status 1", "killed by
  // signal 9". Blocks for that second at most.
  std::string end();
  // As above, but first waits until the program ends by itself, for at most `patience_ms`.
  std::string wait_and_end(int patience_ms);

 private:
  ChildProcess(pid_t program, UniqueFd output, UniqueFd errors);
  Result<void> start_guard();
  bool reaped_within(int patience_ms);

  pid_t program_ = -1;
  pid_t guard_ = -1;
  std::optional<int> status_;  // of waitpid
  UniqueFd output_, errors_;
  UniqueFd guarded_;  // the guard waits for its end
};

}  // namespace camweave::exec
