#include "capture/driver_thread.h"

#include <pthread.h>
#include <sys/eventfd.h>

namespace camweave {
namespace {

void raise_event(const UniqueFd& event) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event.get(), &one, sizeof(one));
}

Error not_open() { return Error{ErrorCode::unavailable, "the camera is not open"}; }

}  // namespace

Result<std::unique_ptr<DriverThread>> DriverThread::start(std::unique_ptr<Camera> camera, CameraRequest request,
                                                          FrameDistributor& frames, WorkerLink& link) {
  auto stop = StopSignal::create();
  if (!stop) return stop.error();
  UniqueFd finished(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  UniqueFd away_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!finished || !away_event) return system_error("eventfd");
  std::unique_ptr<DriverThread> driver(new DriverThread(std::move(camera), std::move(request), frames, link,
                                                        *std::move(stop), std::move(finished), std::move(away_event)));
  driver->thread_ = std::thread([raw = driver.get()] { raw->run(); });
  return driver;
}

DriverThread::DriverThread(std::unique_ptr<Camera> camera, CameraRequest request, FrameDistributor& frames,
                           WorkerLink& link, StopSignal stop, UniqueFd finished, UniqueFd away_event)
    : frames_(frames),
      link_(link),
      stop_(std::move(stop)),
      finished_(std::move(finished)),
      away_event_(std::move(away_event)),
      request_(std::move(request)),
      camera_(std::move(camera)) {}

DriverThread::~DriverThread() {
  stop_.raise();
  if (thread_.joinable()) thread_.join();
}

void DriverThread::run() {
  ::pthread_setname_np(::pthread_self(), "driver");
  Result<void> ended = open_and_run();
  while (!ended && !stop_.raised() && device_came_back(ended.error())) ended = open_and_run();
  if (!ended && !stop_.raised()) {
    failed_ = true;
    link_.log().debug("", "camera ended: {}", ended.error().message);
    link_.send(ipc::Failed{ended.error().code, ended.error().message});
  }
  raise_event(finished_);
}

Result<void> DriverThread::open_and_run() {
  const auto opened = camera_->open(current_request());
  if (!opened) return opened.error();
  set_away(false, "");
  open_ = true;  // before the server hears of it and asks
  frames_.opened(*opened);
  auto ended = camera_->run(frames_, stop_);
  open_ = false;
  return ended;
}

bool DriverThread::device_came_back(const Error& error) {
  if (error.code != ErrorCode::not_found) return false;
  set_away(true, error.message);
  return camera_->wait_for_device(current_request(), stop_) && !stop_.raised();
}

void DriverThread::set_away(bool away, std::string reason) {
  {
    MutexLock lock(mutex_);
    if (away_.away == away && away_.reason == reason) return;
    away_ = {away, std::move(reason)};
  }
  raise_event(away_event_);
}

DriverThread::Away DriverThread::away() const {
  MutexLock lock(mutex_);
  return away_;
}

void DriverThread::clear_away_event() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(away_event_.get(), &count, sizeof(count));
}

CameraRequest DriverThread::current_request() const {
  MutexLock lock(mutex_);
  return request_;
}

Result<ControlOutcome> DriverThread::set_controls(const ControlValues& wanted) {
  if (!open_) return not_open();
  const std::vector<Control> schema = camera_->controls();
  ControlOutcome outcome{{}, check_controls(schema, wanted)};
  if (!outcome.errors.empty()) return outcome;
  outcome = camera_->set_controls(wanted);
  if (!outcome.errors.empty()) return outcome;
  MutexLock lock(mutex_);
  for (const auto& [name, value] : outcome.applied) {
    const Control* control = find_control(schema, name);
    if (control && control->type != ControlType::action) request_.controls.insert_or_assign(name, value);
  }
  return outcome;
}

Result<void> DriverThread::reset_controls() {
  if (!open_) return not_open();
  auto reset = camera_->reset_controls();
  if (!reset) return reset;
  MutexLock lock(mutex_);
  request_.controls.clear();
  return {};
}

std::vector<Control> DriverThread::controls() const { return open_ ? camera_->controls() : std::vector<Control>(); }

Result<bool> DriverThread::request_still(Camera::StillDone done) {
  if (!open_) return not_open();
  return camera_->request_still(std::move(done));
}

}  // namespace camweave
