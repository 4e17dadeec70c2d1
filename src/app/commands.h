// The commands of `camweave`; each answers the process's exit code: 0 fine, 1 failed, 2 wrong use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/config/config.h"

namespace camweave {

enum ExitCode { exit_fine = 0, exit_failed = 1, exit_wrong_use = 2 };

struct ServeOptions {
  std::string config_path;
  std::vector<std::string> sets;
  std::optional<LogFormat> log;
};
// Takes SIGINT, SIGTERM and SIGHUP: call before there is any other thread.
int serve(const ServeOptions& options);

enum class ListFormat { text, json };
int list_cameras(ListFormat format);

struct SnapshotOptions {
  std::string camera;
  std::string output;  // "": stdout, "-" too
  std::string url = "http://127.0.0.1:8000";
  std::string api_key;
};
int take_snapshot(const SnapshotOptions& options);

// One line on stderr.
void say_fatal(const std::string& line);

// Says why there is no configuration; a mistake in it is wrong use, a file that can't be read is not.
ExitCode say_bad_config(const Error& error);

}  // namespace camweave
