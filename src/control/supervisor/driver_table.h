// Which program captures from which kind of source: one row for each driver, the only place that lists them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace camweave {

// What it means when a driver doesn't find its source: a device is unplugged and may come back, a file's name is wrong.
enum class NotFound { away, failed };

struct DriverRow {
  const char* name;  // the program is camweave-capture-NAME
  std::span<const std::string_view> schemes;
  const char* what;  // for people
  NotFound not_found = NotFound::away;
};
std::span<const DriverRow> driver_table();

// By a source's scheme. `not_found` names the nearest valid scheme.
Result<const DriverRow*> driver_for_scheme(std::string_view scheme);

// Where worker programs are looked for: $CAMWEAVE_LIBEXEC, beside this program, ../libexec/camweave.
class WorkerPrograms {
 public:
  static WorkerPrograms beside_this_program();
  explicit WorkerPrograms(std::vector<std::string> directories) : directories_(std::move(directories)) {}

  // The program's path; `not_found` names what to install.
  Result<std::string> find(const DriverRow& driver) const;

 private:
  std::vector<std::string> directories_;
};

}  // namespace camweave
