// FrameDistributor: the FrameSink that a driver sees. Numbers each frame, maps its time to the wall clock, counts it
// and gives it to the renditions and stills that wait. Thread-safe as FrameSink demands.
#pragma once

#include <atomic>
#include <string>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "capture/camera.h"
#include "capture/decode/packet_decoder.h"
#include "capture/rendition_set.h"
#include "capture/sequence_counter.h"
#include "capture/still_taker.h"
#include "capture/worker_link.h"

namespace camweave {

class FrameDistributor final : public FrameSink {
 public:
  // All references outlive it.
  static Result<std::unique_ptr<FrameDistributor>> create(WorkerLink& link, RenditionSet& renditions,
                                                          StillTaker& stills, uint64_t first_sequence);

  bool wanted() const override { return wanted_; }
  int wanted_fd() const override { return wanted_event_.get(); }
  void clear_wanted_event() override;
  void deliver(Frame frame) override;
  void count_frame(uint64_t sequence, Timestamp capture_time) override;
  void count_dropped(uint64_t frames) override { link_.counters().dropped += frames; }
  void note_metadata(const FrameMetadata& metadata) override;
  void repeat_picture(uint64_t sequence, Timestamp capture_time) override;
  void opened(const ipc::Opened& changed) override;
  void controls_changed(std::vector<Control> controls) override;

  // Readable when a frame came that the server should hear of before the next regular Status: the first after each
  // opening and after each silence. Control thread: read with clear_news().
  int news_fd() const { return news_event_.get(); }
  void clear_news();

  // The newest frame's.
  FrameMetadata metadata();

  // Control thread: after each change of renditions and stills.
  void update_wanted();
  // A still that the camera itself made, ready for the StillTaker.
  CapturedFrame stamp_still(Frame frame);

 private:
  FrameDistributor(WorkerLink& link, RenditionSet& renditions, StillTaker& stills, uint64_t first_sequence,
                   UniqueFd wanted_event, UniqueFd news_event);
  uint64_t count(uint64_t drivers_number, Timestamp capture_time);
  void give(const CapturedFrame& picture);

  WorkerLink& link_;
  RenditionSet& renditions_;
  StillTaker& stills_;
  const UniqueFd wanted_event_;
  const UniqueFd news_event_;
  std::atomic<bool> wanted_{false};
  std::atomic<int> fps_milli_{0};

  Mutex mutex_;
  SequenceCounter sequence_ GUARDED_BY(mutex_);
  bool is_first_ GUARDED_BY(mutex_) = true;  // no frame since the camera was opened
  FrameMetadata metadata_ GUARDED_BY(mutex_);
  std::atomic<uint64_t> last_sequence_;

  PacketDecoder decoder_;  // last: its thread uses the rest
};

}  // namespace camweave
