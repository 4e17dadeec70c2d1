// StillTaker: answers still requests with a picture in the camera's full size: its own JPEG untouched, anything else
// encoded on a thread that lives while there is one to encode. Thread-safe.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "capture/active_rendition.h"
#include "capture/slot_writer.h"

namespace camweave {

class StillTaker {
 public:
  static constexpr size_t most_pending = 16;

  // `link` outlives it.
  StillTaker(WorkerLink& link, EncoderFactory make_encoder) : link_(link), make_encoder_(std::move(make_encoder)) {}
  ~StillTaker();
  StillTaker(const StillTaker&) = delete;
  StillTaker& operator=(const StillTaker&) = delete;

  // The next frame of the stream answers it. `exhausted` when too many wait already.
  Result<void> wait_for_frame(const ipc::StillRequest& request);
  bool waiting() const { return waiting_count_ > 0; }
  // A frame of the stream, for those who wait.
  void offer(const CapturedFrame& frame);

  // The camera's own still for `request`, or why there is none.
  void finish(const ipc::StillRequest& request, Result<CapturedFrame> still);

 private:
  struct Job {
    ipc::StillRequest request;
    CapturedFrame frame;
  };
  void work();
  void answer(const Job& job);
  void refuse(uint32_t request_id, const Error& why);

  WorkerLink& link_;
  const EncoderFactory make_encoder_;
  std::atomic<size_t> waiting_count_{0};

  Mutex mutex_;
  CondVar changed_;
  std::vector<ipc::StillRequest> waiting_ GUARDED_BY(mutex_);
  std::vector<Job> jobs_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  std::thread thread_ GUARDED_BY(mutex_);
};

}  // namespace camweave
