// N RTSP readers on one epoll loop, as generator.h for the other protocols: connects them, waits for each one's first
// frame, warms up, measures, reports. Thread-bound.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "options.h"
#include "rtsp_reader.h"

namespace bench {

class RtspLoad {
 public:
  // `say` is told "ready" and "done". Both outlive the load.
  RtspLoad(const Options& options, std::function<void(const char*)> say);
  void run();
  // One line of JSON, with the generator's fields and those of RTP.
  std::string to_json() const;

 private:
  void turn_until(Monotonic::time_point deadline, const std::function<bool()>& done);
  void open_more();
  void on_event(uint64_t key, uint32_t events);
  void watch(int fd, uint64_t key, uint32_t events, int operation);

  const Options& options_;
  std::function<void(const char*)> say_;
  UniqueFd epoll_;
  RtspCounts counts_;
  std::vector<std::unique_ptr<RtspReader>> readers_;
  std::vector<bool> connected_, watches_rtp_, started_;
  uint32_t opened_ = 0;
  uint32_t starting_ = 0;
  std::map<std::string, uint64_t> faults_;
};

}  // namespace bench
