#include "capture/still_taker.h"

#include <utility>

namespace camweave {

StillTaker::~StillTaker() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    thread = std::move(thread_);
  }
  changed_.notify_all();
  if (thread.joinable()) thread.join();
}

Result<void> StillTaker::wait_for_frame(const ipc::StillRequest& request) {
  MutexLock lock(mutex_);
  if (waiting_.size() >= most_pending) return Error{ErrorCode::exhausted, "too many stills are waiting for a frame"};
  waiting_.push_back(request);
  waiting_count_ = waiting_.size();
  return {};
}

void StillTaker::offer(const CapturedFrame& frame) {
  if (!waiting() || !frame.frame.keyframe) return;
  std::vector<ipc::StillRequest> waiting;
  {
    MutexLock lock(mutex_);
    waiting.swap(waiting_);
    waiting_count_ = 0;
  }
  for (const ipc::StillRequest& request : waiting) finish(request, frame);
}

void StillTaker::finish(const ipc::StillRequest& request, Result<CapturedFrame> still) {
  if (!still) return refuse(request.request_id, still.error());
  MutexLock lock(mutex_);
  if (closed_) return;
  if (jobs_.size() >= most_pending)
    return refuse(request.request_id, {ErrorCode::exhausted, "too many stills at once"});
  jobs_.push_back({request, *std::move(still)});
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  changed_.notify_one();
}

void StillTaker::work() {
  for (;;) {
    Job job;
    {
      MutexLock lock(mutex_);
      while (jobs_.empty() && !closed_) changed_.wait(mutex_);
      if (closed_) return;
      job = std::move(jobs_.front());
      jobs_.erase(jobs_.begin());
    }
    answer(job);
  }
}

void StillTaker::answer(const Job& job) {
  SlotWriter writer(link_);
  const PacketAddress address{.request_id = job.request.request_id};
  if (job.frame.frame.format == PixelFormat::jpeg) {
    if (const auto passed = writer.pass(job.frame, address); !passed) refuse(address.request_id, passed.error());
    return;
  }
  auto encoder = make_encoder_({.codec = Codec::jpeg, .quality = job.request.quality}, job.frame.frame);
  if (!encoder) return refuse(address.request_id, encoder.error());
  const auto encoded = writer.encode(job.frame, Codec::jpeg, **encoder, address);
  if (!encoded) refuse(address.request_id, encoded.error());
}

void StillTaker::refuse(uint32_t request_id, const Error& why) {
  link_.send(ipc::Reply{request_id, false, why.message, why.code, {}});
}

}  // namespace camweave
