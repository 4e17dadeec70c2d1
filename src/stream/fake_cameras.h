// FakeCameras: a Cameras for tests, without workers: a test publishes packets, made for each rendition that somebody
// holds. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "stream/cameras.h"

namespace camweave {

class FakeCameras final : public Cameras {
 public:
  explicit FakeCameras(std::vector<std::string> ids, size_t memory_bytes = size_t{64} << 20)
      : memory_(*PacketMemory::create(memory_bytes)), ids_(std::move(ids)) {}

  // What a rendition's picture looks like.
  using MakeBody = std::function<std::string(const Rendition&)>;
  void publish(const std::string& id, PacketInfo info, const MakeBody& make_body) {
    for (const auto& stream : open_streams(id)) {
      const std::string body = make_body(stream->rendition());
      const iovec piece{const_cast<char*>(body.data()), body.size()};
      auto stored = memory_->store(std::span(&piece, 1), room_for_frame_ends);
      if (!stored) continue;
      auto packet = std::make_shared<Packet>();
      packet->info = info;
      packet->body = std::move(*stored);
      stream->publish(std::move(packet));
    }
  }
  void publish(const std::string& id, PacketInfo info, const std::string& body) {
    publish(id, info, [&](const Rendition&) { return body; });
  }

  std::vector<std::shared_ptr<Stream>> open_streams(const std::string& id) const {
    MutexLock lock(mutex_);
    std::vector<std::shared_ptr<Stream>> streams;
    for (const auto& [key, weak] : streams_) {
      if (key.first != id) continue;
      if (auto stream = weak.lock()) streams.push_back(std::move(stream));
    }
    return streams;
  }
  void remove_camera(const std::string& id) {
    for (const auto& stream : open_streams(id)) stream->close("the camera was removed");
    MutexLock lock(mutex_);
    std::erase(ids_, id);
  }
  void set_state(CameraState state, std::string last_error = "") {
    MutexLock lock(mutex_);
    state_ = state;
    last_error_ = std::move(last_error);
  }
  void set_sensor(std::optional<FrameMetadata> sensor) {
    MutexLock lock(mutex_);
    sensor_ = sensor;
  }
  // What every camera has; none: it was never open.
  void set_schema(std::optional<std::vector<Control>> schema) {
    MutexLock lock(mutex_);
    schema_ = std::move(schema);
  }
  // Those that were accepted.
  std::vector<ControlValues> sets() const {
    MutexLock lock(mutex_);
    return sets_;
  }
  void set_still(std::function<Result<PacketPtr>()> still) {
    MutexLock lock(mutex_);
    still_ = std::move(still);
  }
  // What the camera itself gives.
  void set_mode(const ipc::Mode& mode) {
    MutexLock lock(mutex_);
    mode_ = mode;
  }
  int keyframe_requests() const { return *keyframe_requests_; }
  const std::shared_ptr<PacketMemory>& memory() const { return memory_; }

  std::vector<CameraStatus> list() const override {
    MutexLock lock(mutex_);
    std::vector<CameraStatus> all;
    for (const std::string& id : ids_) all.push_back(status_of(id, all.size()));
    return all;
  }
  std::optional<CameraStatus> find(std::string_view id) const override {
    for (auto& status : list()) {
      if (status.id == id) return status;
    }
    return std::nullopt;
  }
  std::optional<std::string> id_at(size_t index) const override {
    MutexLock lock(mutex_);
    return index < ids_.size() ? std::optional(ids_[index]) : std::nullopt;
  }
  Result<std::shared_ptr<Stream>> open(std::string_view id, const Rendition& rendition) override {
    if (!find(id)) return Error{ErrorCode::not_found, "there is no camera '" + std::string(id) + "'"};
    MutexLock lock(mutex_);
    auto& weak = streams_[{std::string(id), rendition}];
    if (auto stream = weak.lock()) return stream;
    size_t alive = 0;
    for (const auto& [key, other] : streams_) alive += key.first == id && !other.expired() ? 1 : 0;
    if (alive >= max_renditions_per_camera) {
      return Error{ErrorCode::exhausted, "camera '" + std::string(id) + "' already serves 8 different renditions"};
    }
    Stream::Options options{.camera_id = std::string(id), .rendition = rendition, .memory = memory_};
    options.request_keyframe = [requests = keyframe_requests_] { ++*requests; };
    auto stream = std::make_shared<Stream>(std::move(options));
    weak = stream;
    return stream;
  }
  void still(std::string_view, int, std::function<void(Result<PacketPtr>)> done) override {
    std::function<Result<PacketPtr>()> still;
    {
      MutexLock lock(mutex_);
      still = still_;
    }
    done(still ? still() : Result<PacketPtr>(Error{ErrorCode::unavailable, "the camera is away"}));
  }

  std::optional<std::vector<Control>> controls(std::string_view) const override {
    MutexLock lock(mutex_);
    return schema_;
  }
  void set_controls(std::string_view, ControlValues values,
                    std::function<void(Result<ControlOutcome>)> done) override {
    done(take_controls(std::move(values)));
  }
  void reset_controls(std::string_view, std::function<void(Result<std::vector<Control>>)> done) override {
    done(Error{ErrorCode::unsupported, "a fake camera has no controls"});
  }
  Result<void> add(CameraRequestToAdd) override { return Error{ErrorCode::unsupported, "fake cameras are fixed"}; }
  Result<void> change(CameraRequestToAdd) override { return Error{ErrorCode::unsupported, "fake cameras are fixed"}; }
  Result<void> remove(std::string_view id) override {
    remove_camera(std::string(id));
    return {};
  }
  std::shared_ptr<void> subscribe(std::function<void(const CameraEvent&)>) override { return nullptr; }

 private:
  Result<ControlOutcome> take_controls(ControlValues values) {
    MutexLock lock(mutex_);
    if (state_ != CameraState::streaming) return Error{ErrorCode::unavailable, "camera is away: " + last_error_};
    if (!schema_) return Error{ErrorCode::unsupported, "a fake camera has no controls"};
    ControlOutcome outcome{{}, check_controls(*schema_, values)};
    if (!outcome.errors.empty()) return outcome;
    outcome.applied = values;
    for (Control& control : *schema_) {
      if (const auto set = values.find(control.name); set != values.end()) control.value = set->second;
    }
    sets_.push_back(std::move(values));
    return outcome;
  }
  CameraStatus status_of(const std::string& id, size_t index) const REQUIRES(mutex_) {
    CameraStatus status;
    status.id = id;
    status.index = index;
    status.mode = mode_;
    status.health.state = state_;
    status.health.last_error = last_error_;
    status.sensor = sensor_;
    return status;
  }

  const std::shared_ptr<PacketMemory> memory_;
  const std::shared_ptr<std::atomic<int>> keyframe_requests_ = std::make_shared<std::atomic<int>>(0);
  mutable Mutex mutex_;
  std::vector<std::string> ids_ GUARDED_BY(mutex_);
  std::map<std::pair<std::string, Rendition>, std::weak_ptr<Stream>> streams_ GUARDED_BY(mutex_);
  ipc::Mode mode_ GUARDED_BY(mutex_);
  CameraState state_ GUARDED_BY(mutex_) = CameraState::streaming;
  std::string last_error_ GUARDED_BY(mutex_);
  std::function<Result<PacketPtr>()> still_ GUARDED_BY(mutex_);
  std::optional<FrameMetadata> sensor_ GUARDED_BY(mutex_);
  std::optional<std::vector<Control>> schema_ GUARDED_BY(mutex_);
  std::vector<ControlValues> sets_ GUARDED_BY(mutex_);
};

}  // namespace camweave
