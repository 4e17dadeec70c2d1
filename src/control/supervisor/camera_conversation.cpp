// What is said between the server and a camera's worker, and what is told about it.
#include <fmt/format.h>

#include <algorithm>

#include "control/supervisor/supervised_camera.h"

namespace camweave {
namespace {
using namespace std::chrono_literals;
constexpr auto controls_patience = 3s;
constexpr auto still_patience = 12s;
}  // namespace

Result<std::shared_ptr<Stream>> SupervisedCamera::open(const Rendition& rendition) {
  auto stream = renditions_.open(rendition, [this](const Rendition& made) {
    Stream::Options options;
    options.camera_id = config_.id;
    options.rendition = made;
    options.memory = parts_.memory;
    options.request_keyframe = [post = parts_.post_keyframe, id = config_.id, made] { post(id, made); };
    options.on_unused = [post = parts_.post_renditions, id = config_.id] { post(id); };
    wanted_since_ = parts_.clock.now();
    parts_.post_renditions(config_.id);
    return std::make_shared<Stream>(std::move(options));
  });
  if (!stream) return Error{stream.error().code, fmt::format("camera {}: {}", config_.id, stream.error().message)};
  return stream;
}

void SupervisedCamera::send_renditions() {
  ipc::Renditions message;
  std::map<uint32_t, WorkerRun::Streams> routes;
  for (const auto& wanted : renditions_.wanted()) {
    message.wanted.push_back({wanted.id, renditions_.as_made(wanted.rendition)});
    routes[wanted.id] = wanted.streams;
  }
  changed();
  if (!run_ || !opened_at_) return;
  run_->set_routes(std::move(routes), renditions_.last_id());
  send(message);
}

Result<void> SupervisedCamera::set_bitrate(uint32_t rendition_id, int bitrate_kbps) {
  const auto made = renditions();
  const auto found = std::ranges::find(made, rendition_id, &RenditionStatus::id);
  if (found != made.end() && found->encoder == ipc::pass_through) {
    return Error{ErrorCode::unsupported, "bitrate_kbps: this rendition is the camera's own stream, passed through"};
  }
  if (auto set = renditions_.set_bitrate(rendition_id, bitrate_kbps); !set) return set;
  send_renditions();
  return {};
}

void SupervisedCamera::request_keyframe(const Rendition& rendition) {
  if (const uint32_t id = renditions_.id_of(rendition); id && opened_at_) keyframes_.request(id);
}

Error SupervisedCamera::unavailable() const {
  std::string why = last_error_.empty() ? "" : ": " + last_error_;
  return {ErrorCode::unavailable, fmt::format("camera {} is {}{}", config_.id, to_string(state_), why)};
}

Result<uint32_t> SupervisedCamera::begin_request(Request request) {
  if (!opened_at_ || is_away_ || stopping_since_ || killed_at_) {
    fail(std::move(request), unavailable());
    return unavailable();
  }
  const uint32_t id = next_request_id_++;
  request.deadline = parts_.clock.now() + (request.still_done ? still_patience : controls_patience);
  if (!request.values.empty()) {
    const ControlValues values = request.values;
    requests_[id] = std::move(request);
    send(ipc::SetControls{id, values});
  } else {
    requests_[id] = std::move(request);
  }
  return id;
}

void SupervisedCamera::set_controls(ControlValues values, ControlsDone done) {
  if (controls_ && opened_at_ && !is_away_) {
    ControlOutcome outcome{{}, check_controls(*controls_, values)};
    if (values.empty() || !outcome.errors.empty()) {
      parts_.effects.answers.push_back([done = std::move(done), outcome = std::move(outcome)] { done(outcome); });
      return;
    }
  }
  (void)begin_request({.deadline = {}, .values = std::move(values), .controls_done = std::move(done)});
}

void SupervisedCamera::reset_controls(ResetDone done) {
  if (auto id = begin_request({.deadline = {}, .reset_done = std::move(done)})) send(ipc::ResetControls{*id});
}

void SupervisedCamera::still(int quality, StillDone done) {
  if (auto id = begin_request({.deadline = {}, .still_done = std::move(done)})) send(ipc::StillRequest{*id, quality});
}

void SupervisedCamera::fail(Request request, const Error& error) {
  auto& answers = parts_.effects.answers;
  if (request.controls_done) answers.push_back([done = std::move(request.controls_done), error] { done(error); });
  if (request.reset_done) answers.push_back([done = std::move(request.reset_done), error] { done(error); });
  if (request.still_done) answers.push_back([done = std::move(request.still_done), error] { done(error); });
}

void SupervisedCamera::fail_requests(const Error& error) {
  for (auto& [id, request] : std::exchange(requests_, {})) fail(std::move(request), error);
}

void SupervisedCamera::answer(Request request, const ipc::Reply& reply) {
  if (!reply.ok && !(request.controls_done && !reply.outcome.errors.empty())) {
    fail(std::move(request), {reply.error_code, fmt::format("camera {}: {}", config_.id, reply.error)});
    return;
  }
  auto& answers = parts_.effects.answers;
  if (request.reset_done) {
    parts_.saved_controls.forget(device_);
    // What the operator configured is this camera's ground state.
    if (!config_.controls.empty()) (void)begin_request({.deadline = {}, .values = config_.controls});
    answers.push_back([done = std::move(request.reset_done), controls = controls_.value_or(std::vector<Control>{})] {
      done(controls);
    });
  } else if (request.controls_done) {
    if (reply.outcome.errors.empty()) {
      ControlValues set;
      for (const auto& [name, value] : request.values) {
        const auto applied = reply.outcome.applied.find(name);
        set[name] = applied == reply.outcome.applied.end() ? value : applied->second;
      }
      parts_.saved_controls.keep(device_, set, controls_.value_or(std::vector<Control>{}));
    }
    answers.push_back([done = std::move(request.controls_done), outcome = reply.outcome] { done(outcome); });
  } else {  // configured or saved values
    for (const ControlError& error : reply.outcome.errors)
      parts_.log.warning("camera " + config_.id, "{}", error.message);
  }
}

void SupervisedCamera::on_message(const ipc::Message& message) {
  heard_ = parts_.clock.now();
  std::visit([this](const auto& m) { on(m); }, message);
}

void SupervisedCamera::on(const ipc::Hello&) { hello_at_ = parts_.clock.now(); }

void SupervisedCamera::on(const ipc::Opened& opened) {
  const bool is_first = !opened_at_;
  if (is_first) opened_at_ = parts_.clock.now();
  known_ = opened;
  renditions_.set_mode(opened.mode);
  changed();
  if (is_first) {
    parts_.log.info("camera " + config_.id, "open: {} {} {} at {:g} fps{}{}", opened.make, opened.model,
                    to_string(opened.mode.size), opened.mode.fps_milli / 1000.0, opened.mode_note.empty() ? "" : ": ",
                    opened.mode_note);
    follow_device(opened.identity);
    if (!captures_now()) pictures_come();  // nobody watches and nothing is captured: it is as well as can be
  }
  update_controls(opened.controls);
  send_renditions();
}

// Settings belong to the device. Where another one than last time is behind this camera, it gets its own.
void SupervisedCamera::follow_device(const std::string& identity) {
  const std::string device = identity.empty() ? "camera:" + config_.id : identity;
  if (device == device_) return;
  device_ = device;
  parts_.saved_controls.remember_device(config_.id, source_.redacted, device);
  ControlValues values = parts_.saved_controls.values_of(device);
  if (!values.empty()) (void)begin_request({.deadline = {}, .values = std::move(values)});
}

void SupervisedCamera::update_controls(const std::vector<Control>& controls) {
  std::vector<Control> news;
  for (const Control& control : controls) {
    const Control* before = controls_ ? find_control(*controls_, control.name) : nullptr;
    if (!before || !(*before == control)) news.push_back(control);
  }
  controls_ = controls;
  if (news.empty()) return;
  CameraEvent event;
  event.kind = CameraEvent::Kind::controls;
  event.id = config_.id;
  event.controls = std::move(news);
  parts_.effects.events.push_back(std::move(event));
}

void SupervisedCamera::on(const ipc::ControlsChanged& changed) { update_controls(changed.controls); }

void SupervisedCamera::on(const ipc::Reply& reply) {
  const auto found = requests_.find(reply.request_id);
  if (found == requests_.end()) return;  // too late: it was answered by the time-out
  Request request = std::move(found->second);
  requests_.erase(found);
  answer(std::move(request), reply);
}

void SupervisedCamera::on_still(uint32_t request_id, Result<PacketPtr> still) {
  const auto found = requests_.find(request_id);
  if (found == requests_.end() || !found->second.still_done) return;
  parts_.effects.answers.push_back(
      [done = std::move(found->second.still_done), still = std::move(still)] { done(still); });
  requests_.erase(found);
}

void SupervisedCamera::on(const ipc::Status& status) {
  const Timestamp now = parts_.clock.now();
  run_->note_status(status, now);
  last_status_ = status;
  if (status.captured) rate_.add(std::min(from_nanoseconds(status.last_frame_ns), now), status.captured);
  if (stopping_since_ || killed_at_) return;
  if (status.away != is_away_) {
    is_away_ = status.away;
    away_since_ = now;
    if (is_away_) {
      gone_since_ = now;
      parts_.log.warning("camera " + config_.id, "away: {}", status.away_reason);
      fail_requests({ErrorCode::unavailable, fmt::format("camera {} is away: {}", config_.id, status.away_reason)});
      note_error(status.away_reason);
      set_state(CameraState::away);
      return;
    }
    set_state(CameraState::starting);
  }
  if (!is_away_ && opened_at_ && status.captured && from_nanoseconds(status.last_frame_ns) > gone_since_)
    pictures_come();
}

void SupervisedCamera::on_first_frame() {
  if (!stopping_since_ && !killed_at_ && !is_away_) pictures_come();
}

void SupervisedCamera::pictures_come() {
  retry_.pictures_began(parts_.clock.now());
  set_state(CameraState::streaming);
}

void SupervisedCamera::on(const ipc::RenditionFailed& failed) {
  parts_.log.warning("camera " + config_.id, "{}", failed.error);
  renditions_.close(failed.rendition_id, failed.error);
  send_renditions();
}

void SupervisedCamera::on(const ipc::Failed& failed) { last_words_ = failed; }

std::vector<RenditionStatus> SupervisedCamera::renditions() const {
  std::vector<RenditionStatus> renditions = renditions_.held();
  for (RenditionStatus& rendition : renditions) {
    const auto found = std::ranges::find(last_status_.encoders, rendition.id, &ipc::RenditionEncoder::rendition_id);
    if (found != last_status_.encoders.end()) rendition.encoder = found->encoder;
  }
  return renditions;
}

// Of the last second; of a slower camera the newest frame's.
std::optional<FrameMetadata> SupervisedCamera::newest_metadata(Timestamp now) const {
  std::chrono::nanoseconds limit = 1s;
  if (const int fps_milli = known_.mode.fps_milli; fps_milli > 0) {
    limit = std::max<std::chrono::nanoseconds>(limit, 2 * std::chrono::nanoseconds(1'000'000'000'000 / fps_milli));
  }
  const bool is_fresh = last_status_.last_frame_ns > 0 && now - from_nanoseconds(last_status_.last_frame_ns) <= limit;
  return is_fresh && !is_away_ ? std::optional(last_status_.metadata) : std::nullopt;
}

CameraStatus SupervisedCamera::status(size_t index) const {
  const Timestamp now = parts_.clock.now();
  CameraStatus status;
  status.id = config_.id;
  status.index = index;
  status.source = source_error_.empty() ? source_.redacted : redact_url(config_.source);
  status.driver = driver_ ? driver_->name : "";
  status.make = known_.make;
  status.model = known_.model;
  status.serial = known_.serial;
  status.identity = known_.identity;
  status.mode = known_.mode;
  status.mode_note = known_.mode_note;
  status.capture_on_demand = config_.capture_on_demand;
  status.modes = known_.modes;
  status.renditions = renditions();
  status.sensor = newest_metadata(now);

  const WorkerRun::Figures figures = run_ ? run_->figures() : WorkerRun::Figures{};
  CameraHealth& health = status.health;
  health.state = state_;
  if (const int64_t newest_ns = std::max(newest_frame_ns_, figures.newest_frame_ns)) {
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - from_nanoseconds(newest_ns));
    health.last_frame_age_ms = std::max<int64_t>(0, age.count());
  }
  health.fps = rate_.per_second(now);
  if (opened_at_ && captures_now()) health.expected_fps = known_.mode.fps_milli / 1000.0;
  health.dropped = dropped_before_ + last_status_.dropped + figures.dropped;
  health.restarts = restarts_;
  health.last_error = last_error_;
  if (retry_at_ && !run_) {
    health.next_retry_s = std::max(0.0, std::chrono::duration<double>(*retry_at_ - now).count());
  }
  return status;
}

}  // namespace camweave
