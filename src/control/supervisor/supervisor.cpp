#include "control/supervisor/supervisor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <random>

namespace camweave {
namespace {
using namespace std::chrono_literals;
constexpr auto shut_down_patience = 4s;

size_t memory_by_machine() {
  const auto pages = ::sysconf(_SC_PHYS_PAGES), page_bytes = ::sysconf(_SC_PAGESIZE);
  const size_t total_bytes =
      pages > 0 && page_bytes > 0 ? static_cast<size_t>(pages) * static_cast<size_t>(page_bytes) : 0;
  return std::clamp<size_t>(total_bytes / 4, size_t{128} << 20, size_t{1} << 30);
}

Error no_camera(std::string_view id) { return {ErrorCode::not_found, fmt::format("no camera '{}'", id)}; }

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::start(const Clock& clock, Log& log, Options options) {
  auto memory = PacketMemory::create(options.packet_memory_bytes ? options.packet_memory_bytes : memory_by_machine());
  if (!memory) return memory.error();
  std::unique_ptr<Supervisor> supervisor(new Supervisor(clock, log, std::move(options), *std::move(memory)));
  if (auto restored = supervisor->restore_state(); !restored) return restored.error();
  auto ingest = Ingest::start(clock, log, supervisor->memory_, *supervisor);
  if (!ingest) return ingest.error();
  supervisor->ingest_ = *std::move(ingest);
  supervisor->writer_.start();
  supervisor->loop_.start([s = supervisor.get()] { return s->run_due(); });
  return supervisor;
}

Supervisor::Supervisor(const Clock& clock, Log& log, Options options, std::shared_ptr<PacketMemory> memory)
    : clock_(clock),
      log_(log),
      options_(std::move(options)),
      memory_(std::move(memory)),
      state_file_(options_.state_directory.empty()
                      ? nullptr
                      : std::make_unique<StateFile>(options_.state_directory + "/controls.json")),
      saved_controls_([this](nlohmann::json document) {
        if (!state_file_) return;
        writer_.post([this, document = std::move(document)] {
          if (auto saved = state_file_->save(document); !saved) {
            log_.limited(LogLevel::error, "state", "settings are not kept: " + saved.error().message);
          }
        });
      }),
      parts_{.clock = clock,
             .log = log,
             .programs = options_.programs,
             .saved_controls = saved_controls_,
             .effects = effects_,
             .memory = memory_,
             .chance =
                 [engine = std::make_shared<std::minstd_rand>(std::random_device{}())]() {
                   return std::uniform_real_distribution<double>(0, 1)(*engine);
                 },
             .watch_run = [this](std::shared_ptr<WorkerRun> run) { ingest_->add(std::move(run)); },
             .post_renditions =
                 [this, queue = loop_.queue()](const std::string& id) {
                   queue->post(
                       [this, id] { with_camera(id, [](SupervisedCamera& camera) { camera.send_renditions(); }); });
                 },
             .post_keyframe =
                 [this, queue = loop_.queue()](const std::string& id, const Rendition& rendition) {
                   queue->post([this, id, rendition] {
                     with_camera(id, [rendition](SupervisedCamera& camera) { camera.request_keyframe(rendition); });
                   });
                 }} {}

Supervisor::~Supervisor() { stop(); }

void Supervisor::stop() {
  shut_down();
  ingest_.reset();
  loop_.stop();
  tell();
  writer_.stop();
}

Result<void> Supervisor::restore_state() {
  if (!state_file_) return {};
  auto loaded = state_file_->load();
  if (!loaded) return loaded.error();
  std::string damage = loaded->damage;
  if (!loaded->document.is_null()) {
    MutexLock lock(mutex_);
    if (auto restored = saved_controls_.restore(loaded->document); !restored) {
      damage = state_file_->set_aside(restored.error().message);
    }
  }
  if (!damage.empty()) log_.error("state", "{}", damage);
  return {};
}

// ---- the table of cameras ----

SupervisedCamera* Supervisor::camera(std::string_view id) const {
  const auto found =
      std::ranges::find_if(cameras_, [id](const CameraPtr& camera) { return camera->config().id == id; });
  return found == cameras_.end() ? nullptr : found->get();
}

size_t Supervisor::index_of(std::string_view id) const {
  const auto found =
      std::ranges::find_if(cameras_, [id](const CameraPtr& camera) { return camera->config().id == id; });
  return static_cast<size_t>(found - cameras_.begin());
}

void Supervisor::add_locked(CameraConfig config) {
  const std::string id = config.id;
  cameras_.push_back(std::make_unique<SupervisedCamera>(parts_, std::move(config)));
  loop_.post([this, id] { with_camera(id, [](SupervisedCamera& camera) { camera.begin(); }); });
}

void Supervisor::remove_locked(std::string_view id) {
  const size_t index = index_of(id);
  CameraPtr leaving = std::move(cameras_[index]);
  cameras_.erase(cameras_.begin() + static_cast<ptrdiff_t>(index));
  for (size_t i = index; i < cameras_.size(); ++i) cameras_[i]->mark_changed();  // their index is another now
  SupervisedCamera* const camera = leaving.get();
  leaving_.push_back(std::move(leaving));
  CameraEvent event;
  event.kind = CameraEvent::Kind::removed;
  event.id = id;
  effects_.events.push_back(std::move(event));
  loop_.post([this, camera] {
    MutexLock lock(mutex_);
    const bool is_here = std::ranges::any_of(leaving_, [camera](const CameraPtr& c) { return c.get() == camera; });
    if (is_here) camera->end("the camera was removed");
  });
}

void Supervisor::order_as(const std::vector<CameraConfig>& configured) {
  const auto place = [&configured](const CameraPtr& camera) {
    return std::ranges::find(configured, camera->config().id, &CameraConfig::id) - configured.begin();
  };
  std::ranges::stable_sort(cameras_, {}, place);
  for (const CameraPtr& camera : cameras_) camera->mark_changed();
}

void Supervisor::configure(std::vector<CameraConfig> wanted) {
  MutexLock lock(mutex_);
  if (is_shut_down_) return;
  for (const CameraConfig& before : configured_) {
    const bool stays = std::ranges::find(wanted, before.id, &CameraConfig::id) != wanted.end();
    if (!stays && camera(before.id)) remove_locked(before.id);
  }
  for (const CameraConfig& config : wanted) {
    const auto before = std::ranges::find(configured_, config.id, &CameraConfig::id);
    if (!camera(config.id)) {
      add_locked(config);
    } else if (before == configured_.end() || !same_camera(*before, config)) {
      loop_.post([this, config] { with_camera(config.id, [&config](SupervisedCamera& c) { c.change(config); }); });
    }
  }
  order_as(wanted);
  configured_ = std::move(wanted);
}

// ---- the control thread ----

void Supervisor::with_camera(std::string_view id, std::function<void(SupervisedCamera&)> act,
                             std::function<void(Error)> missing) {
  {
    MutexLock lock(mutex_);
    if (SupervisedCamera* found = camera(id); found && !is_shut_down_) {
      act(*found);
      return;
    }
  }
  if (missing) missing(no_camera(id));
}

void Supervisor::with_run(std::shared_ptr<WorkerRun> run, std::function<void(SupervisedCamera&)> act) {
  loop_.post([this, run = std::move(run), act = std::move(act)] {
    MutexLock lock(mutex_);
    for (const auto* cameras : {&cameras_, &leaving_}) {
      for (const CameraPtr& camera : *cameras) {
        if (!camera->runs(*run)) continue;
        act(*camera);
        return;
      }
    }
  });
}

Timestamp Supervisor::run_due() {
  Timestamp next = Timestamp::max();
  {
    MutexLock lock(mutex_);
    const Timestamp now = clock_.now();
    for (const auto* cameras : {&cameras_, &leaving_}) {
      for (const CameraPtr& camera : *cameras) camera->run_due(now);
    }
    std::erase_if(leaving_, [](const CameraPtr& camera) { return !camera->has_process(); });
    for (const auto* cameras : {&cameras_, &leaving_}) {
      for (const CameraPtr& camera : *cameras) next = std::min(next, camera->next_due());
    }
    if (is_shut_down_ && all_ended()) ended_.notify_all();
  }
  tell();
  return next;
}

// Events and answers, in order, with no lock held.
void Supervisor::tell() {
  Effects effects;
  {
    MutexLock lock(mutex_);
    effects = std::exchange(effects_, {});
    for (size_t index = 0; index < cameras_.size(); ++index) {
      if (!cameras_[index]->take_changed()) continue;
      CameraEvent event;
      event.status = cameras_[index]->status(index);
      event.id = event.status.id;
      effects.events.push_back(std::move(event));
    }
  }
  std::vector<std::shared_ptr<OnEvent>> subscribers;
  {
    MutexLock lock(subscribers_mutex_);
    std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber.expired(); });
    for (const auto& subscriber : subscribers_) subscribers.push_back(subscriber.lock());
  }
  for (const CameraEvent& event : effects.events) {
    for (const auto& subscriber : subscribers) {
      if (subscriber) (*subscriber)(event);
    }
  }
  for (const auto& answer : effects.answers) answer();
}

bool Supervisor::all_ended() const {
  const auto has_process = [](const CameraPtr& camera) { return camera->has_process(); };
  return std::ranges::none_of(cameras_, has_process) && std::ranges::none_of(leaving_, has_process);
}

void Supervisor::shut_down() {
  MutexLock lock(mutex_);
  if (!is_shut_down_) {
    is_shut_down_ = true;
    loop_.post([this] {
      MutexLock relock(mutex_);
      for (const CameraPtr& camera : cameras_) camera->end("the server is stopping");
    });
  }
  const Timestamp deadline = clock_.now() + shut_down_patience;
  while (!all_ended() && clock_.now() < deadline) ended_.wait_until(mutex_, deadline);
}

void Supervisor::ping(std::function<void()> answer) {
  ingest_->ping([this, answer = std::move(answer)]() mutable { loop_.post(std::move(answer)); });
}

// ---- from the ingest thread ----

void Supervisor::on_message(const std::shared_ptr<WorkerRun>& run, ipc::Message message) {
  loop_.post([this, run, message = std::move(message)] {
    Ingest::handled(*run);
    MutexLock lock(mutex_);
    for (const auto* cameras : {&cameras_, &leaving_}) {
      for (const CameraPtr& camera : *cameras) {
        if (camera->runs(*run)) camera->on_message(message);
      }
    }
  });
}

void Supervisor::on_first_frame(const std::shared_ptr<WorkerRun>& run) {
  with_run(run, [](SupervisedCamera& camera) { camera.on_first_frame(); });
}

void Supervisor::on_still(const std::shared_ptr<WorkerRun>& run, uint32_t request_id, Result<PacketPtr> still) {
  with_run(run,
           [request_id, still = std::move(still)](SupervisedCamera& camera) { camera.on_still(request_id, still); });
}

void Supervisor::on_broken(const std::shared_ptr<WorkerRun>& run, Error error) {
  if (error.code != ErrorCode::unavailable) {
    MutexLock lock(mutex_);
    ++rules_broken_;
  }
  with_run(run, [error = std::move(error)](SupervisedCamera& camera) { camera.on_broken(error); });
}

void Supervisor::on_exit(const std::shared_ptr<WorkerRun>& run, int wait_status) {
  with_run(run, [wait_status](SupervisedCamera& camera) { camera.on_exit(wait_status); });
}

// ---- Cameras ----

Supervisor::Figures Supervisor::figures() const {
  MutexLock lock(mutex_);
  return {memory_->live_bytes(), rules_broken_};
}

std::optional<CameraConfig> Supervisor::config_of(std::string_view id) const {
  MutexLock lock(mutex_);
  const SupervisedCamera* found = camera(id);
  return found ? std::optional(found->config()) : std::nullopt;
}

std::vector<CameraStatus> Supervisor::list() const {
  MutexLock lock(mutex_);
  std::vector<CameraStatus> all;
  for (size_t index = 0; index < cameras_.size(); ++index) all.push_back(cameras_[index]->status(index));
  return all;
}

std::optional<CameraStatus> Supervisor::find(std::string_view id) const {
  MutexLock lock(mutex_);
  const SupervisedCamera* found = camera(id);
  return found ? std::optional(found->status(index_of(id))) : std::nullopt;
}

std::optional<std::string> Supervisor::id_at(size_t index) const {
  MutexLock lock(mutex_);
  return index < cameras_.size() ? std::optional(cameras_[index]->config().id) : std::nullopt;
}

Result<std::shared_ptr<Stream>> Supervisor::open(std::string_view id, const Rendition& rendition) {
  MutexLock lock(mutex_);
  SupervisedCamera* found = camera(id);
  if (!found) return no_camera(id);
  return found->open(rendition);
}

std::optional<std::vector<Control>> Supervisor::controls(std::string_view id) const {
  MutexLock lock(mutex_);
  const SupervisedCamera* found = camera(id);
  return found ? found->controls() : std::nullopt;
}

void Supervisor::set_controls(std::string_view id, ControlValues values,
                              std::function<void(Result<ControlOutcome>)> done) {
  loop_.post([this, id = std::string(id), values = std::move(values), done = std::move(done)]() mutable {
    with_camera(
        id, [&](SupervisedCamera& camera) { camera.set_controls(std::move(values), done); }, done);
  });
}

void Supervisor::set_bitrate(std::string_view id, uint32_t rendition_id, int bitrate_kbps,
                             std::function<void(Result<void>)> done) {
  loop_.post([this, id = std::string(id), rendition_id, bitrate_kbps, done = std::move(done)] {
    std::optional<Result<void>> set;
    with_camera(id, [&](SupervisedCamera& camera) { set = camera.set_bitrate(rendition_id, bitrate_kbps); });
    done(set ? *std::move(set) : no_camera(id));
  });
}

void Supervisor::reset_controls(std::string_view id, std::function<void(Result<std::vector<Control>>)> done) {
  loop_.post([this, id = std::string(id), done = std::move(done)] {
    with_camera(
        id, [&](SupervisedCamera& camera) { camera.reset_controls(done); }, done);
  });
}

void Supervisor::still(std::string_view id, int quality, std::function<void(Result<PacketPtr>)> done) {
  loop_.post([this, id = std::string(id), quality, done = std::move(done)] {
    with_camera(
        id, [&](SupervisedCamera& camera) { camera.still(quality, done); }, done);
  });
}

Result<void> Supervisor::add(CameraRequestToAdd config) {
  if (!is_camera_id(config.id)) return Error{ErrorCode::invalid_argument, "id must be 1 to 32 of a-z, 0-9, _ and -"};
  if (auto source = parse_source_uri(config.source); !source) return source.error();
  MutexLock lock(mutex_);
  if (is_shut_down_) return Error{ErrorCode::unavailable, "the server is stopping"};
  if (camera(config.id)) return Error{ErrorCode::busy, fmt::format("camera '{}' is there already", config.id)};
  add_locked(std::move(config));
  return {};
}

Result<void> Supervisor::change(CameraRequestToAdd config) {
  if (auto source = parse_source_uri(config.source); !source) return source.error();
  MutexLock lock(mutex_);
  if (!camera(config.id)) return no_camera(config.id);
  loop_.post([this, config = std::move(config)] {
    with_camera(config.id, [&config](SupervisedCamera& camera) { camera.change(config); });
  });
  return {};
}

Result<void> Supervisor::remove(std::string_view id) {
  MutexLock lock(mutex_);
  if (!camera(id)) return no_camera(id);
  remove_locked(id);
  return {};
}

std::shared_ptr<void> Supervisor::subscribe(std::function<void(const CameraEvent&)> on_event) {
  auto subscriber = std::make_shared<OnEvent>(std::move(on_event));
  MutexLock lock(subscribers_mutex_);
  subscribers_.push_back(subscriber);
  return subscriber;
}

}  // namespace camweave
