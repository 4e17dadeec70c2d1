// WorkerLog: what a worker writes to stderr, as lines of our log under its camera. A worker, or what it starts, can
// write without end: lines are cut, their rate is bounded, what was left out is counted. Thread-bound.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"

namespace camweave {

class WorkerLog {
 public:
  static constexpr size_t max_line_bytes = 1000;
  static constexpr double lines_per_second = 20;
  static constexpr double burst_lines = 100;

  WorkerLog(const Clock& clock, Log& log, std::string camera_id);

  void add(std::string_view bytes);
  void end();  // the rest without a line's end, and how many lines were left out

 private:
  void line(std::string_view text);
  void tell_left_out();

  const Clock& clock_;
  Log& log_;
  const std::string subject_;
  std::string begun_;
  bool is_cut_ = false;
  double allowed_lines_ = burst_lines;
  Timestamp refilled_;
  uint64_t left_out_ = 0;
};

}  // namespace camweave
