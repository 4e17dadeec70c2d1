#include "capture/file/playback_settings.h"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>

namespace camweave::file {
namespace {

constexpr double least_speed = 0.1, most_speed = 8;

std::optional<bool> read_flag(const std::string& text) {
  if (text == "1" || text == "true") return true;
  if (text == "0" || text == "false") return false;
  return std::nullopt;
}

Control flag(const char* name, bool default_value, bool value) {
  Control control;
  control.name = name;
  control.type = ControlType::boolean;
  control.default_value = default_value;
  control.value = value;
  return control;
}

}  // namespace

Result<void> PlaybackSettings::read_options(const std::map<std::string, std::string, std::less<>>& options) {
  Values values;
  for (const auto& [name, text] : options) {
    const auto flag = read_flag(text);
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    const bool is_speed = !text.empty() && *end == '\0' && number >= least_speed && number <= most_speed;
    if (name == "fps" || name == "size") continue;
    if (name == "loop" && flag) {
      values.loop = *flag;
    } else if (name == "paused" && flag) {
      values.paused = *flag;
    } else if (name == "speed" && is_speed) {
      values.speed = number;
    } else if (name == "loop" || name == "paused" || name == "speed") {
      return Error{ErrorCode::invalid_argument, fmt::format("file: '{}={}' is not {}", name, text,
                                                            name == "speed" ? "a number from 0.1 to 8" : "0 or 1")};
    } else {
      return Error{ErrorCode::invalid_argument,
                   fmt::format("file: no option '{}' (there are loop, fps, speed, paused)", name)};
    }
  }
  MutexLock lock(mutex_);
  defaults_ = values_ = values;
  return {};
}

PlaybackSettings::Values PlaybackSettings::values() const {
  MutexLock lock(mutex_);
  return values_;
}

bool PlaybackSettings::take_restart() {
  MutexLock lock(mutex_);
  return std::exchange(restart_, false);
}

std::vector<Control> PlaybackSettings::schema() const {
  MutexLock lock(mutex_);
  Control speed;
  speed.name = "playback_speed";
  speed.type = ControlType::real;
  speed.unit = "x";
  speed.min = least_speed;
  speed.max = most_speed;
  speed.step = 0.1;
  speed.default_value = defaults_.speed;
  speed.value = values_.speed;
  Control restart;
  restart.name = "restart";
  restart.type = ControlType::action;
  restart.default_value = restart.value = false;
  return {speed, flag("loop", defaults_.loop, values_.loop), flag("paused", defaults_.paused, values_.paused), restart};
}

ControlOutcome PlaybackSettings::set(const ControlValues& wanted) {
  MutexLock lock(mutex_);
  ControlOutcome outcome;
  for (const auto& [name, value] : wanted) {
    if (name == "playback_speed") {
      const auto* whole = std::get_if<int64_t>(&value);
      values_.speed = whole ? static_cast<double>(*whole) : std::get<double>(value);
      outcome.applied[name] = values_.speed;
      continue;
    }
    const bool on = std::get<bool>(value);
    if (name == "loop") values_.loop = on;
    if (name == "paused") values_.paused = on;
    if (name == "restart") restart_ = true;
    outcome.applied[name] = on;
  }
  return outcome;
}

void PlaybackSettings::reset() {
  MutexLock lock(mutex_);
  values_ = defaults_;
}

}  // namespace camweave::file
