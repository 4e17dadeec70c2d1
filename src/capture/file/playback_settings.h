// PlaybackSettings: the controls of a file that plays. Thread-safe: the control thread sets, the driver thread takes.
#pragma once

#include <map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "media/control.h"

namespace camweave::file {

class PlaybackSettings {
 public:
  struct Values {
    double speed = 1;
    bool loop = true;
    bool paused = false;
    bool operator==(const Values&) const = default;
  };

  // From `?loop=0&speed=2`; `fps` and `size` are others' to read. Unknown options are refused.
  Result<void> read_options(const std::map<std::string, std::string, std::less<>>& options);

  Values values() const;
  bool take_restart();  // true once after each `restart`

  std::vector<Control> schema() const;
  // Already checked against the schema.
  ControlOutcome set(const ControlValues& wanted);
  void reset();

 private:
  mutable Mutex mutex_;
  Values defaults_ GUARDED_BY(mutex_);
  Values values_ GUARDED_BY(mutex_);
  bool restart_ GUARDED_BY(mutex_) = false;
};

}  // namespace camweave::file
