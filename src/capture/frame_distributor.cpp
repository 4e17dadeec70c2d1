#include "capture/frame_distributor.h"

#include <sys/eventfd.h>

#include "media/h264/keyframe.h"

namespace camweave {
namespace {

constexpr std::chrono::seconds silence(1);

void raise_event(const UniqueFd& event) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event.get(), &one, sizeof(one));
}

void clear_event(const UniqueFd& event) {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(event.get(), &count, sizeof(count));
}

}  // namespace

Result<std::unique_ptr<FrameDistributor>> FrameDistributor::create(WorkerLink& link, RenditionSet& renditions,
                                                                   StillTaker& stills, uint64_t first_sequence) {
  UniqueFd wanted_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd news_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wanted_event || !news_event) return system_error("eventfd");
  return std::unique_ptr<FrameDistributor>(
      new FrameDistributor(link, renditions, stills, first_sequence, std::move(wanted_event), std::move(news_event)));
}

FrameDistributor::FrameDistributor(WorkerLink& link, RenditionSet& renditions, StillTaker& stills,
                                   uint64_t first_sequence, UniqueFd wanted_event, UniqueFd news_event)
    : link_(link),
      renditions_(renditions),
      stills_(stills),
      wanted_event_(std::move(wanted_event)),
      news_event_(std::move(news_event)),
      sequence_(first_sequence),
      last_sequence_(first_sequence),
      decoder_(
          {.picture = [this](const CapturedFrame& picture) { give(picture); },
           .failed = [this](const CapturedFrame& packet, const Error& why) { renditions_.fail_decoded(packet, why); },
           .dropped = [this](uint64_t packets) { link_.counters().dropped += packets; }}) {}

void FrameDistributor::clear_wanted_event() { clear_event(wanted_event_); }

void FrameDistributor::clear_news() { clear_event(news_event_); }

void FrameDistributor::update_wanted() {
  const bool wanted = !renditions_.empty() || stills_.waiting();
  if (wanted_.exchange(wanted) != wanted) raise_event(wanted_event_);
}

uint64_t FrameDistributor::count(uint64_t drivers_number, Timestamp capture_time) {
  FrameCounters& counters = link_.counters();
  ++counters.captured;
  const int64_t before_ns = counters.last_frame_ns.exchange(to_nanoseconds(capture_time));
  MutexLock lock(mutex_);
  if (is_first_ || capture_time - from_nanoseconds(before_ns) > silence) raise_event(news_event_);
  is_first_ = false;
  const uint64_t number = sequence_.number_of(drivers_number);
  last_sequence_ = number;
  return number;
}

void FrameDistributor::deliver(Frame frame) {
  note_metadata(frame.metadata);
  // Many devices never say which packets are keyframes.
  if (is_inter_coded(frame.format) && !frame.keyframe) {
    frame.keyframe = is_keyframe(frame.format == PixelFormat::h264 ? Codec::h264 : Codec::h265, frame.bytes());
  }
  frame.sequence = count(frame.sequence, frame.capture_time);
  const UnixMicroseconds wall = link_.clock().wall_at(frame.capture_time);
  const CapturedFrame captured{std::move(frame), wall, fps_milli_, std::nullopt};
  if (!is_inter_coded(captured.frame.format)) return give(captured);
  renditions_.deliver(captured);
  decoder_.push(captured, renditions_.needs_decoded(captured) || stills_.waiting());
}

// Pixels or a JPEG: from the driver, or decoded.
void FrameDistributor::give(const CapturedFrame& picture) {
  const bool still_waited = stills_.waiting();
  stills_.offer(picture);
  renditions_.deliver(picture);
  if (still_waited) update_wanted();
}

void FrameDistributor::repeat_picture(uint64_t sequence, Timestamp capture_time) {
  const uint64_t number = count(sequence, capture_time);
  decoder_.repeat(number, capture_time, link_.clock().wall_at(capture_time), wanted_);
}

void FrameDistributor::note_metadata(const FrameMetadata& metadata) {
  MutexLock lock(mutex_);
  metadata_ = metadata;
}

FrameMetadata FrameDistributor::metadata() {
  MutexLock lock(mutex_);
  return metadata_;
}

void FrameDistributor::count_frame(uint64_t sequence, Timestamp capture_time) { count(sequence, capture_time); }

CapturedFrame FrameDistributor::stamp_still(Frame frame) {
  // A still stands beside the stream: it carries the number of the frame that it came after.
  frame.sequence = last_sequence_;
  const UnixMicroseconds wall = link_.clock().wall_at(frame.capture_time);
  return {std::move(frame), wall, 0, std::nullopt};
}

void FrameDistributor::opened(const ipc::Opened& changed) {
  fps_milli_ = changed.mode.fps_milli;
  {
    MutexLock lock(mutex_);
    is_first_ = true;
  }
  link_.set_identity({changed.make, changed.model, changed.serial});
  if (link_.send(changed)) return;
  // Too long for one message: a camera with hundreds of controls. The list of modes is what can be missed.
  ipc::Opened shorter = changed;
  shorter.modes.clear();
  link_.send(shorter);
}

void FrameDistributor::controls_changed(std::vector<Control> controls) {
  link_.send(ipc::ControlsChanged{std::move(controls)});
}

}  // namespace camweave
