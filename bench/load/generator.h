// Runs all clients on one epoll loop: connects them, waits until each has its first frame, warms up, measures, reports.
// Waits on events and timers only (epoll_pwait2 with nanoseconds); nothing polls.
#pragma once

#include <functional>
#include <queue>
#include <vector>

#include "../common/clock.h"
#include "../common/unique_fd.h"
#include "connection.h"
#include "frame_log.h"
#include "options.h"

namespace bench {

class Generator {
 public:
  // `say` is told "ready" and "done" at the two ends of the measured window. All three outlive the generator.
  Generator(const Options& options, FrameLog& log, std::function<void(const char*)> say);

  void run();

 private:
  struct Resume {
    Monotonic::time_point at;
    uint32_t index;
    bool operator<(const Resume& other) const { return at > other.at; }  // the earliest on top
  };

  void run_window();
  void run_churn();
  // Turns the loop until `done` says so or the deadline has passed; false: the deadline.
  bool turn_until(Monotonic::time_point deadline, const std::function<bool()>& done);
  void turn(Monotonic::time_point deadline);
  void open_more();
  void open_one(uint32_t index);
  void on_event(uint32_t index, uint32_t events);
  void on_outcome(uint32_t index, Connection::Outcome outcome);
  void watch(uint32_t index, uint32_t events, int operation);
  void read_resumed();

  const Options& options_;
  FrameLog& log_;
  std::function<void(const char*)> say_;
  UniqueFd epoll_;
  std::vector<Connection> connections_;
  std::vector<bool> started_;  // has had its first frame, or ended
  std::priority_queue<Resume> resumes_;
  uint32_t opened_ = 0;
  uint32_t waiting_for_first_ = 0;
  uint64_t cycles_ = 0;
};

}  // namespace bench
