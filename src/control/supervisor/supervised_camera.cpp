// The worker's life: start, stop, stall, failure, retry.
#include "control/supervisor/supervised_camera.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>

namespace camweave {
namespace {
using namespace std::chrono_literals;

constexpr auto hello_patience = 5s;
constexpr auto exit_patience = 1s;  // after it closed its socket
constexpr auto open_patience = 30s;
constexpr auto first_frame_patience = 10s;
constexpr auto silence_patience = 5s;  // a worker tells its status several times a second
constexpr auto least_stall = 2s;
constexpr int stall_frames = 10;
constexpr auto status_slack = 1500ms;  // frames that don't come here are known by the status alone
constexpr auto stall_of_unknown_rate = 30s;
constexpr auto term_after = 2s, kill_after = 3s;  // of a polite stop

}  // namespace

SupervisedCamera::SupervisedCamera(SupervisorParts& parts, CameraConfig config) : parts_(parts), retry_(parts.chance) {
  (void)take_config(std::move(config));
}

void SupervisedCamera::change(CameraConfig config) {
  const bool same_controls = config.controls == config_.controls;
  if (take_config(std::move(config)) == Needs::restart) {
    begin();
  } else if (!same_controls && opened_at_) {
    (void)begin_request({.deadline = {}, .values = config_.controls});
  }
}

SupervisedCamera::Needs SupervisedCamera::take_config(CameraConfig config) {
  const bool same_source = config.source == config_.source;
  const bool same_worker = same_source && config.size == config_.size && config.fps_milli == config_.fps_milli &&
                           config.capture_on_demand == config_.capture_on_demand && config.enabled == config_.enabled;
  config_ = std::move(config);
  changed();
  if (same_worker) return Needs::nothing;
  if (!same_source) {
    known_ = {};
    controls_.reset();
    driver_ = nullptr;
    auto source = parse_source_uri(config_.source);
    source_error_ = source ? "" : source.error().message;
    if (source) source_ = *std::move(source);
    if (source_error_.empty()) {
      auto driver = driver_for_scheme(source_.scheme);
      if (driver) driver_ = *driver;
      if (!driver) source_error_ = driver.error().message;
    }
  }
  retry_.forget();
  retry_at_.reset();
  return Needs::restart;
}

void SupervisedCamera::begin() {
  shall_run_ = config_.enabled;
  if (run_) {
    stop_worker();  // on_exit() begins again
    if (!shall_run_) set_state(CameraState::disabled);
    return;
  }
  if (!shall_run_) {
    set_state(CameraState::disabled);
  } else if (!source_error_.empty()) {
    note_error(source_error_);
    set_state(CameraState::failed);
    parts_.log.error("camera " + config_.id, "{}", source_error_);
  } else {
    start_worker();
  }
}

void SupervisedCamera::end(const std::string& reason) {
  shall_run_ = false;
  retry_at_.reset();
  renditions_.close_all(reason);
  if (run_) stop_worker();
}

ipc::Start SupervisedCamera::start_message() const {
  ControlValues controls = config_.controls;
  for (auto& [name, value] : parts_.saved_controls.values_of(device_)) controls[name] = value;
  return {.camera_id = config_.id,
          .source = config_.source,
          .wanted_size = config_.size,
          .wanted_fps_milli = config_.fps_milli,
          .capture_on_demand = config_.capture_on_demand,
          .first_sequence = next_sequence_,
          .controls = std::move(controls)};
}

void SupervisedCamera::start_worker() {
  retry_at_.reset();
  if (auto started = try_start_worker(); !started) {
    failed(CameraState::failed, started.error().message);
    return;
  }
  // A camera that is away stays so in the eyes of people while it is looked for again.
  if (state_ != CameraState::away && state_ != CameraState::stalled) set_state(CameraState::starting);
}

Result<void> SupervisedCamera::try_start_worker() {
  auto program = parts_.programs.find(*driver_);
  if (!program) return program.error();
  auto process = WorkerProcess::start(*program);
  if (!process) return process.error();
  run_ = std::make_shared<WorkerRun>(config_.id, *std::move(process), next_sequence_,
                                     WorkerLog(parts_.clock, parts_.log, config_.id));
  started_ = parts_.clock.now();
  hello_at_.reset();
  opened_at_.reset();
  hung_up_at_.reset();
  stopping_since_.reset();
  killed_at_.reset();
  is_away_ = false;
  last_words_.reset();
  why_killed_.clear();
  last_status_ = {};
  rate_.clear();
  keyframes_.clear();
  device_ = parts_.saved_controls.device_of(config_.id, source_.redacted);
  parts_.watch_run(run_);
  send(start_message());
  return {};
}

void SupervisedCamera::send(const ipc::Message& message) {
  if (!run_ || killed_at_) return;
  if (auto sent = run_->send(message); !sent && sent.error().code != ErrorCode::unavailable) {
    kill_worker(CameraState::failed, sent.error().message);
  }
}

void SupervisedCamera::stop_worker() {
  if (stopping_since_) return;
  stopping_since_ = parts_.clock.now();
  fail_requests({ErrorCode::unavailable, fmt::format("camera {} was stopped", config_.id)});
  send(ipc::Stop{});
}

void SupervisedCamera::escalate_stop(Timestamp now) {
  if (now >= *stopping_since_ + kill_after && !killed_at_) {
    killed_at_ = now;
    run_->process().signal(SIGKILL);
  } else if (now >= *stopping_since_ + term_after) {
    run_->process().signal(SIGTERM);
  }
}

void SupervisedCamera::kill_worker(CameraState state, std::string why) {
  if (killed_at_) return;
  killed_at_ = parts_.clock.now();
  why_killed_ = std::move(why);
  state_when_killed_ = state;
  if (!stopping_since_) {
    note_error(why_killed_);
    set_state(state);
  }
  fail_requests({ErrorCode::unavailable, fmt::format("camera {}: {}", config_.id, why_killed_)});
  run_->process().signal(SIGKILL);
}

void SupervisedCamera::set_state(CameraState state) {
  if (state == state_) return;
  state_ = state;
  changed();
}

void SupervisedCamera::note_error(std::string error) {
  if (error == last_error_) return;
  last_error_ = std::move(error);
  changed();
}

void SupervisedCamera::failed(CameraState state, std::string why) {
  const Timestamp now = parts_.clock.now();
  const auto delay = retry_.failed(now);
  retry_at_ = now + delay;
  parts_.log.limited(LogLevel::warning, "camera " + config_.id,
                     fmt::format("{}: {}; trying again", to_string(state), why), 60s);
  note_error(std::move(why));
  set_state(state);
  changed();
}

void SupervisedCamera::on_exit(int wait_status) {
  const WorkerRun::Figures figures = run_->figures();
  next_sequence_ = std::max(next_sequence_, figures.next_sequence);
  newest_frame_ns_ = std::max(newest_frame_ns_, figures.newest_frame_ns);
  dropped_before_ += last_status_.dropped + figures.dropped;
  last_status_ = {};
  run_.reset();
  opened_at_.reset();
  fail_requests(unavailable());
  changed();
  if (stopping_since_) {
    stopping_since_.reset();
    if (shall_run_) begin();
    return;
  }
  if (killed_at_) {
    failed(state_when_killed_, why_killed_);
  } else if (last_words_) {
    const bool is_missing = last_words_->code == ErrorCode::unavailable ||
                            (last_words_->code == ErrorCode::not_found && driver_->not_found == NotFound::away);
    failed(is_missing ? CameraState::away : CameraState::failed, last_words_->error);
  } else {
    failed(CameraState::failed, fmt::format("the worker {}", describe_exit(wait_status)));
  }
}

void SupervisedCamera::on_broken(const Error& error) {
  // Its socket's end alone is a worker on its way out: the exit tells more. run_due() ends one that stays.
  if (error.code == ErrorCode::unavailable) {
    hung_up_at_ = parts_.clock.now();
    return;
  }
  parts_.log.error("camera " + config_.id, "the worker broke a rule and is ended: {}", error.message);
  kill_worker(CameraState::failed, "the worker broke a rule: " + error.message);
}

bool SupervisedCamera::captures_now() const {
  return !config_.capture_on_demand ||
         std::ranges::any_of(requests_, [](const auto& r) { return bool(r.second.still_done); }) ||
         renditions_.is_wanted();
}

SupervisedCamera::Stall SupervisedCamera::next_stall() const {
  if (hung_up_at_) return {*hung_up_at_ + exit_patience, "the worker hung up and did not end"};
  if (!hello_at_) return {started_ + hello_patience, "the worker did not start within 5 s"};
  if (!opened_at_) return {started_ + open_patience, "the camera did not open within 30 s"};
  const WorkerRun::Figures figures = run_->figures();
  const Timestamp newest = from_nanoseconds(figures.newest_frame_ns);
  const Stall silence{std::max({heard_, newest, *opened_at_}) + silence_patience, "the worker says nothing any more"};
  const bool still_waits = std::ranges::any_of(requests_, [](const auto& r) { return bool(r.second.still_done); });
  if (is_away_ || still_waits || !captures_now()) return silence;

  const double fps = known_.mode.fps_milli > 0 ? known_.mode.fps_milli / 1000.0 : rate_.per_second(heard_);
  std::chrono::nanoseconds limit = stall_of_unknown_rate;
  if (fps > 0) {
    limit = std::chrono::nanoseconds(static_cast<int64_t>(stall_frames / fps * 1e9));
    limit = std::max<std::chrono::nanoseconds>(limit, least_stall);
  }
  const char* why = "no picture any more";
  if (figures.newest_frame_ns == 0) {
    return std::min(silence, Stall{*opened_at_ + std::max<std::chrono::nanoseconds>(limit, first_frame_patience), why},
                    [](const Stall& a, const Stall& b) { return a.at < b.at; });
  }
  constexpr int64_t close_ns = 500'000'000;
  const bool frames_come_here = renditions_.is_wanted() && figures.newest_frame_ns - figures.newest_sent_ns < close_ns;
  if (!frames_come_here) limit += status_slack;
  const Stall stall{std::max({newest, wanted_since_, away_since_}) + limit, why};
  return stall.at < silence.at ? stall : silence;
}

void SupervisedCamera::run_due(Timestamp now) {
  if (retry_at_ && now >= *retry_at_ && !run_) {
    ++restarts_;
    start_worker();
  }
  for (auto it = requests_.begin(); it != requests_.end();) {
    if (now < it->second.deadline) {
      ++it;
      continue;
    }
    Request late = std::move(it->second);
    it = requests_.erase(it);
    fail(std::move(late), {ErrorCode::timeout, fmt::format("camera {} did not answer in time", config_.id)});
  }
  if (!run_) return;
  if (stopping_since_) {
    escalate_stop(now);
    return;
  }
  if (killed_at_) return;
  if (opened_at_) {
    for (const uint32_t id : keyframes_.take_due(now)) send(ipc::KeyframeRequest{id});
  }
  if (const Stall stall = next_stall(); now >= stall.at) {
    parts_.log.warning("camera " + config_.id, "{}: the worker is ended and started again", stall.why);
    kill_worker(CameraState::stalled, stall.why);
  }
}

Timestamp SupervisedCamera::next_due() const {
  Timestamp next = retry_at_ && !run_ ? *retry_at_ : Timestamp::max();
  for (const auto& [id, request] : requests_) next = std::min(next, request.deadline);
  if (!run_) return next;
  if (stopping_since_) {
    const Timestamp now = parts_.clock.now();
    if (killed_at_) return next;
    return std::min(
        next, now < *stopping_since_ + term_after ? *stopping_since_ + term_after : *stopping_since_ + kill_after);
  }
  if (killed_at_) return next;
  if (opened_at_) next = std::min(next, keyframes_.next_due());
  return std::min(next, next_stall().at);
}

}  // namespace camweave
