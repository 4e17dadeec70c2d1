// StateFile: one small JSON document that survives power loss: written whole to a temporary file, fsynced, renamed over
// the old one, the directory fsynced. Whatever happens in between, a later load gives the old document or the new one.
// Blocking (a slow SD card takes seconds): never on a loop that serves. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace camweave {

// The seam to the system, for tests that let each step fail. Each as the system call of its name.
struct FileCalls {
  std::function<int(const char* path, int flags, mode_t mode)> open;
  std::function<ssize_t(int fd, const void* bytes, size_t size)> write;
  std::function<int(int fd)> fsync;
  std::function<int(const char* from, const char* to)> rename;
};
FileCalls system_file_calls();

class StateFile {
 public:
  explicit StateFile(std::string path, FileCalls calls = system_file_calls());

  struct Loaded {
    nlohmann::json document;  // null: there is none, or a damaged one
    std::string damage;       // "" or one line: what is wrong with the file and where it was put
  };
  // A file that is no JSON object is renamed to PATH.damaged-<Unix seconds>. An error: it exists and can't be read.
  Result<Loaded> load();

  // The error names the path and the cure where one is known. The old document is still there then.
  Result<void> save(const nlohmann::json& document);

  // For a document whose content makes no sense: keeps it aside in the same way and answers the line about it.
  std::string set_aside(const std::string& problem);

  const std::string& path() const { return path_; }

 private:
  Result<void> write_temporary(const std::string& text);
  Result<void> sync_directory();

  const std::string path_;
  const std::string temporary_path_;
  const FileCalls calls_;
};

}  // namespace camweave
