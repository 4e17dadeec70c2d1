// The capture loop. Driver thread: open(), run(), wait_for_device(). Control thread: the controls and stills, which
// leave what they want in `pending_` and wake the loop.
#include "capture/libcamera/libcamera_camera.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "base/mutex.h"
#include "capture/libcamera/camera_finder.h"
#include "capture/libcamera/controls.h"
#include "capture/libcamera/frame_check.h"
#include "capture/libcamera/request_queue.h"
#include "capture/libcamera/still.h"
#include "capture/libcamera/stream_modes.h"
#include "capture/mode_choice.h"
#include "capture/picture_check.h"
#include "capture/poll_until.h"

namespace camweave::libcam {
namespace {

using namespace std::chrono_literals;

constexpr auto settle_patience = 400ms;  // eight frames at 20 fps: what a sensor's controls take to arrive, twice
constexpr auto controls_interval = 1s;   // a panel's eye, not a film's
constexpr int most_cancelled = 16;

class LibcameraCamera final : public Camera {
 public:
  LibcameraCamera(CameraSystem& system, const Clock& clock, Log& log)
      : system_(system), clock_(clock), log_(log), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  Result<ipc::Opened> open(const CameraRequest& request) override;
  Result<void> run(FrameSink& sink, const StopSignal& stop) override;
  bool wait_for_device(const CameraRequest& request, const StopSignal& stop) override;
  std::vector<Control> controls() const override;
  ControlOutcome set_controls(const ControlValues& wanted) override;
  Result<void> reset_controls() override;
  bool request_still(StillDone done) override;

 private:
  // What the control thread left for the driver thread.
  struct Pending {
    std::vector<DeviceValues> batches;
    StillDone still;
  };
  using Queue = std::optional<RequestQueue>;

  std::shared_ptr<CameraControls> current_controls() const {
    MutexLock lock(mutex_);
    return controls_;
  }
  Result<StreamWish> choose_stream(ipc::Opened& opened);
  Result<void> configure_video(ipc::Opened& opened);
  void apply_wanted_controls(CameraControls& controls);
  Result<void> capture(Queue& queue, FrameSink& sink, const StopSignal& stop);
  Result<void> start(Queue& queue);
  Result<void> wait(const Queue& queue, FrameSink& sink, const StopSignal& stop);
  Result<void> take_frames(RequestQueue& queue, FrameSink& sink);
  Result<void> take_frame(RequestQueue& queue, RequestQueue::Dequeued dequeued, FrameSink& sink);
  Result<void> serve_pending(Queue& queue, FrameSink& sink, const StopSignal& stop);
  void follow_rate(Queue& queue, FrameSink& sink);
  void tell_moved_controls(FrameSink& sink);
  Error unplugged() const { return {ErrorCode::not_found, device_->name().id + ": unplugged"}; }
  void wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
  }

  // Constant after construction.
  CameraSystem& system_;
  const Clock& clock_;
  Log& log_;
  const UniqueFd event_;

  // Driver thread only.
  CameraRequest request_;
  std::unique_ptr<CameraDevice> device_;
  StreamWish video_;
  StreamTaken stream_;
  std::optional<StreamWish> still_;  // where it is larger than the stream
  ipc::Opened opened_;
  FrameCheck frame_check_;
  PictureCheck picture_check_;
  uint64_t next_sequence_ = 0;
  int cancelled_in_a_row_ = 0;
  std::vector<Control> told_controls_;
  Timestamp tell_controls_at_ = Timestamp::min();

  std::atomic<bool> capturing_{false};
  std::atomic<bool> has_larger_still_{false};

  mutable Mutex mutex_;
  std::shared_ptr<CameraControls> controls_ GUARDED_BY(mutex_);
  Pending pending_ GUARDED_BY(mutex_);
};

Result<ipc::Opened> LibcameraCamera::open(const CameraRequest& request) {
  request_ = request;
  next_sequence_ = std::max(next_sequence_, request.first_sequence);
  auto cameras = system_.cameras();
  if (!cameras) return cameras.error();
  sort_as_indexed(*cameras);
  const auto found = find_camera(*cameras, request.source.rest);
  if (!found) return found.error();
  device_.reset();  // one that is still held would be busy
  auto device = system_.take(found->id);
  if (!device) return device.error();
  device_ = std::move(*device);
  ipc::Opened opened;
  opened.model = found->model;
  opened.identity = source_of(*found);
  if (auto configured = configure_video(opened); !configured) return configured.error();
  auto controls = std::make_shared<CameraControls>(device_->controls());
  apply_wanted_controls(*controls);
  opened.controls = controls->read();
  MutexLock lock(mutex_);
  controls_ = std::move(controls);
  pending_.batches.clear();  // what was set while it was away is in request_.controls
  opened_ = opened;
  return opened;
}

Result<StreamWish> LibcameraCamera::choose_stream(ipc::Opened& opened) {
  const auto turn = turn_of(request_.source);
  if (!turn) return turn.error();
  const auto format = format_of(request_.source);
  if (!format) return format.error();
  const int wanted_fps_milli = request_.wanted_fps_milli ? request_.wanted_fps_milli : usual_fps_milli;
  const int fps_milli = nearest_fps_milli(device_->controls(), wanted_fps_milli);
  opened.modes = modes_of(device_->offers(StreamUse::video), request_.wanted_size, fps_milli);
  const auto choice = choose_mode(opened.modes, request_.wanted_size, request_.wanted_fps_milli, *format);
  if (!choice) return Error{choice.error().code, fmt::format("{}: {}", device_->name().id, choice.error().message)};
  opened.mode = choice->mode;
  opened.mode_note = choice->note;
  return StreamWish{StreamUse::video, choice->mode.format, choice->mode.size, 4, *turn};
}

Result<void> LibcameraCamera::configure_video(ipc::Opened& opened) {
  const auto wish = choose_stream(opened);
  if (!wish) return wish.error();
  auto taken = device_->configure(*wish);
  if (!taken) return taken.error();
  video_ = *wish;
  stream_ = *taken;
  const auto note = [&](const std::string& text) { opened.mode_note += (opened.mode_note.empty() ? "" : "; ") + text; };
  if (taken->size != wish->size || taken->format != wish->format) {
    note(fmt::format("the camera took {} {}", to_string(taken->format), to_string(taken->size)));
  }
  if (!taken->turned) note("the camera can't turn the picture so: ask the streams for it, with rotate=");
  opened.mode.format = taken->format;
  opened.mode.size = taken->size;
  // The range of rates depends on the mode that is set now.
  opened.mode.fps_milli = nearest_fps_milli(device_->controls(), opened.mode.fps_milli);
  if (opened.mode.fps_milli == 0 && request_.wanted_fps_milli) note("the camera's rate can't be set through libcamera");
  still_ = largest_still(device_->offers(StreamUse::still));
  if (still_) still_->turn = wish->turn;
  const auto area = [](Size size) { return int64_t{size.width} * size.height; };
  has_larger_still_ = still_ && area(still_->size) > area(stream_.size);
  return {};
}

// One by one: a value that this camera doesn't take (any more) must not keep the others from it.
void LibcameraCamera::apply_wanted_controls(CameraControls& controls) {
  ControlValues wanted = request_.controls;
  const auto offered = controls.read();
  if (const Control* rate = find_control(offered, "frame_rate"); rate && !wanted.contains("frame_rate")) {
    const int wanted_fps_milli = request_.wanted_fps_milli ? request_.wanted_fps_milli : usual_fps_milli;
    wanted["frame_rate"] = std::clamp(wanted_fps_milli / 1000.0, rate->min, rate->max);
  }
  switch_off_autos(offered, wanted);
  const auto apply = [&](bool only_drivers_of_others) {
    for (const auto& [name, value] : wanted) {
      const auto schema = controls.read();
      const Control* control = find_control(schema, name);
      if (control && control->auto_partner.empty() != only_drivers_of_others) continue;
      const auto errors = check_controls(schema, {{name, value}});
      ControlValues applied;
      if (errors.empty()) controls.set({{name, value}}, applied);
      // Held by an automatic that was switched on after it: nothing to report.
      if (!errors.empty() && errors.front().type != "unavailable") {
        log_.warning(device_->name().id, "not applied: {}", errors.front().message);
      }
    }
  };
  apply(true);
  apply(false);
}

Result<void> LibcameraCamera::run(FrameSink& sink, const StopSignal& stop) {
  Queue queue;
  auto ended = capture(queue, sink, stop);
  capturing_ = false;
  queue.reset();
  // However the camera fails when it is pulled out: gone is gone.
  if (!ended && device_->gone()) ended = unplugged();
  StillDone unanswered;
  {
    MutexLock lock(mutex_);
    unanswered = std::exchange(pending_.still, nullptr);
  }
  if (unanswered) unanswered(Error{ErrorCode::unavailable, "the camera stopped before the still was taken"});
  return ended;
}

Result<void> LibcameraCamera::capture(Queue& queue, FrameSink& sink, const StopSignal& stop) {
  while (!stop.raised()) {
    if (device_->gone()) return unplugged();
    const bool capture = !request_.capture_on_demand || sink.wanted();
    if (capture && !queue) {
      if (auto started = start(queue); !started) return started;
    } else if (!capture) {
      queue.reset();
    }
    capturing_ = queue.has_value();
    if (auto waited = wait(queue, sink, stop); !waited) return waited;
    if (queue && !device_->gone()) {
      if (auto taken = take_frames(*queue, sink); !taken) return taken;
    }
    if (auto served = serve_pending(queue, sink, stop); !served) return served;
  }
  return {};
}

Result<void> LibcameraCamera::start(Queue& queue) {
  const auto controls = current_controls();
  {
    MutexLock lock(mutex_);
    pending_.batches.clear();  // they are in all_set()
  }
  frame_check_ = FrameCheck();
  cancelled_in_a_row_ = 0;
  auto started = RequestQueue::start(*device_, stream_, controls->all_set(), controls->shortest_frame(), clock_);
  if (!started) return started.error();
  queue.emplace(std::move(*started));
  return {};
}

// Returns when there is something to look at. Frames that stop coming are the supervisor's business.
Result<void> LibcameraCamera::wait(const Queue& queue, FrameSink& sink, const StopSignal& stop) {
  std::array<pollfd, 5> fds{pollfd{queue ? queue->fd() : -1, POLLIN, 0}, pollfd{stop.fd(), POLLIN, 0},
                            pollfd{system_.changes_fd(), POLLIN, 0}, pollfd{event_.get(), POLLIN, 0},
                            pollfd{request_.capture_on_demand ? sink.wanted_fd() : -1, POLLIN, 0}};
  poll_until(fds, queue ? queue->wake_up_at() : std::nullopt);
  if (fds[2].revents) system_.clear_changes();
  if (fds[4].revents) sink.clear_wanted_event();
  if (fds[3].revents) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t read = ::read(event_.get(), &count, sizeof count);
  }
  return {};
}

Result<void> LibcameraCamera::take_frames(RequestQueue& queue, FrameSink& sink) {
  for (;;) {
    auto dequeued = queue.dequeue();
    if (!dequeued) return dequeued.error();
    if (!*dequeued) return {};
    if (auto taken = take_frame(queue, std::move(**dequeued), sink); !taken) return taken;
  }
}

Result<void> LibcameraCamera::take_frame(RequestQueue& queue, RequestQueue::Dequeued dequeued, FrameSink& sink) {
  const FrameReport& report = dequeued.report;
  const std::string& name = device_->name().id;
  if (report.cancelled) {
    if (device_->gone()) return unplugged();
    if (++cancelled_in_a_row_ >= most_cancelled) return Error{ErrorCode::io, name + ": cancels every request"};
    sink.count_dropped(1);
    queue.queue_again(report.buffer);
    return {};
  }
  cancelled_in_a_row_ = 0;
  const uint64_t lost = frame_check_.lost_before(report.sequence);
  if (lost) sink.count_dropped(lost);
  next_sequence_ += lost;
  Frame& frame = dequeued.frame;
  frame.sequence = next_sequence_++;
  frame.capture_time = frame_check_.capture_time(report, dequeued.arrival);
  frame.metadata = checked_metadata(report);
  current_controls()->note(report);
  tell_moved_controls(sink);
  if (queue.is_held_back())
    log_.limited(LogLevel::info, name, "the camera does not keep its frame rate: paced here", 3600s);
  if (report.damaged) {
    sink.count_dropped(1);
  } else if (auto whole = picture_check_.complete(frame); !whole) {
    log_.limited(LogLevel::warning, name, "frame dropped: " + whole.error().message);
    sink.count_dropped(1);
  } else if (sink.wanted()) {
    sink.deliver(std::move(frame));
  } else {
    sink.note_metadata(frame.metadata);
    sink.count_frame(frame.sequence, frame.capture_time);
  }
  return {};
}

Result<void> LibcameraCamera::serve_pending(Queue& queue, FrameSink& sink, const StopSignal& stop) {
  Pending pending;
  {
    MutexLock lock(mutex_);
    pending = std::exchange(pending_, {});
  }
  if (!pending.batches.empty()) {
    if (queue) queue->send(std::move(pending.batches));
    follow_rate(queue, sink);
  }
  if (!pending.still) return {};
  queue.reset();
  pending.still(still_ ? take_still(*device_, *still_, *current_controls(), clock_, stop)
                       : Error{ErrorCode::unsupported, device_->name().id + ": offers no still"});
  if (device_->gone()) return unplugged();
  auto again = device_->configure(video_);
  if (!again) return again.error();
  stream_ = *again;
  return {};
}

// What automatics moved: there is no event for it, so the frames' metadata is compared now and then.
void LibcameraCamera::tell_moved_controls(FrameSink& sink) {
  if (clock_.now() < tell_controls_at_) return;
  tell_controls_at_ = clock_.now() + controls_interval;
  auto controls = current_controls()->read();
  if (controls == told_controls_) return;
  told_controls_ = controls;
  sink.controls_changed(std::move(controls));
}

// The control frame_rate is the stream's rate.
void LibcameraCamera::follow_rate(Queue& queue, FrameSink& sink) {
  const auto controls = current_controls();
  const int fps_milli = controls->fps_milli();
  if (fps_milli <= 0) return;
  if (queue) queue->set_interval(controls->shortest_frame());
  if (fps_milli == opened_.mode.fps_milli) return;
  opened_.mode.fps_milli = fps_milli;
  opened_.controls = controls->read();
  sink.opened(opened_);
}

bool LibcameraCamera::wait_for_device(const CameraRequest& request, const StopSignal& stop) {
  {
    MutexLock lock(mutex_);
    controls_.reset();
  }
  device_.reset();
  while (!stop.raised()) {
    // Looked for after each event, and once before the first: it may have come while nobody listened.
    system_.clear_changes();
    if (auto cameras = system_.cameras()) {
      sort_as_indexed(*cameras);
      if (find_camera(*cameras, request.source.rest)) return true;
    }
    std::array<pollfd, 2> fds{pollfd{system_.changes_fd(), POLLIN, 0}, pollfd{stop.fd(), POLLIN, 0}};
    poll_until(fds, std::nullopt);
  }
  return false;
}

std::vector<Control> LibcameraCamera::controls() const {
  const auto controls = current_controls();
  return controls ? controls->read() : std::vector<Control>();
}

ControlOutcome LibcameraCamera::set_controls(const ControlValues& wanted) {
  ControlOutcome outcome;
  const auto controls = current_controls();
  if (!controls) {
    for (const auto& [name, value] : wanted) outcome.errors.push_back({name, "the camera is unplugged", "unavailable"});
    return outcome;
  }
  auto batches = controls->set(wanted, outcome.applied);
  {
    MutexLock lock(mutex_);
    std::ranges::move(batches, std::back_inserter(pending_.batches));
  }
  wake();
  if (capturing_) controls->settle(outcome.applied, clock_.now() + settle_patience);
  return outcome;
}

Result<void> LibcameraCamera::reset_controls() {
  const auto controls = current_controls();
  if (!controls) return Error{ErrorCode::unavailable, "the camera is unplugged"};
  auto batches = controls->reset();
  {
    MutexLock lock(mutex_);
    std::ranges::move(batches, std::back_inserter(pending_.batches));
  }
  wake();
  return {};
}

bool LibcameraCamera::request_still(StillDone done) {
  if (!has_larger_still_) return false;
  {
    MutexLock lock(mutex_);
    if (pending_.still) return false;  // one is on its way: the stream's next frame is sooner
    pending_.still = std::move(done);
  }
  wake();
  return true;
}

}  // namespace

std::unique_ptr<Camera> make_camera(CameraSystem& system, const Clock& clock, Log& log) {
  return std::make_unique<LibcameraCamera>(system, clock, log);
}

}  // namespace camweave::libcam
