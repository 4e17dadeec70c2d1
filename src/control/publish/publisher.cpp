#include "control/publish/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

namespace camweave {

using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr auto farewell_patience = 2s;

double chance() {
  static thread_local std::mt19937 random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

}  // namespace

Publisher::Publisher(IoLoops& loops, Cameras& cameras, std::shared_ptr<RtspSources> sources, Log& log, Options options)
    : loops_(loops),
      cameras_(cameras),
      sources_(std::move(sources)),
      log_(log),
      options_(std::move(options)),
      file_(options_.state_directory.empty()
                ? nullptr
                : std::make_unique<StateFile>(options_.state_directory + "/publish.json")) {
  if (file_) restore();
  writer_.start();
}

Publisher::~Publisher() = default;

// ---- What users switched, over restarts ----

void Publisher::restore() {
  auto loaded = file_->load();
  std::string problem = loaded ? loaded->damage : loaded.error().message;
  if (loaded && !loaded->document.is_null()) {
    MutexLock lock(mutex_);
    if (!read_state(loaded->document)) {
      entries_.clear();
      switched_.clear();
      problem = file_->set_aside("holds no state of pushes");
    }
  }
  if (!problem.empty()) log_.error("state", "{}", problem);
}

Result<void> Publisher::read_state(const json& document) {
  const Error senseless{ErrorCode::invalid_argument, "no state of pushes"};
  const auto switched = document.find("switched"), asked = document.find("asked_for");
  if (switched == document.end() || !switched->is_object() || asked == document.end() || !asked->is_array())
    return senseless;
  for (const auto& [name, on] : switched->items()) {
    if (!is_camera_id(name) || !on.is_boolean()) return senseless;
    switched_[name] = on.get<bool>();
  }
  for (const auto& one : *asked) {
    const auto camera = one.value("camera", json()), url = one.value("url", json());
    if (!camera.is_string() || !is_camera_id(camera.get<std::string>()) || !url.is_string()) return senseless;
    if (!rtsp::parse_rtsp_url(url.get<std::string>())) return senseless;
    add_asked_for(camera.get<std::string>(), url.get<std::string>());
  }
  return {};
}

json Publisher::state() const {
  json switched = json::object(), asked = json::array();
  for (const auto& [name, on] : switched_) switched[name] = on;
  for (const auto& [name, entry] : entries_) {
    if (entry.is_asked_for && entry.push->is_on())
      asked.push_back({{"camera", entry.config.camera}, {"url", entry.config.url}});
  }
  return {{"version", 1}, {"switched", std::move(switched)}, {"asked_for", std::move(asked)}};
}

void Publisher::save(Saved done) {
  writer_.post([this, document = state(), done = std::move(done)] {
    auto saved = file_ ? file_->save(document) : Result<void>();
    if (!saved) log_.error("state", "{}", saved.error().message);
    if (done) done(std::move(saved));
  });
}

// ---- The pushes ----

std::string Publisher::camera_of(const PublishConfig& config) const {
  if (!config.camera.empty()) return config.camera;
  const std::string chosen = options_.default_camera ? options_.default_camera() : "";
  return chosen.empty() ? cameras_.id_at(0).value_or("") : chosen;
}

std::vector<Publisher::Entry*> Publisher::entries_of(std::string_view camera) {
  std::vector<Entry*> found;
  for (auto& [name, entry] : entries_) {
    if (camera_of(entry.config) == camera) found.push_back(&entry);
  }
  return found;
}

std::shared_ptr<Push> Publisher::make_push(const PublishConfig& config) {
  PushOptions options;
  options.name = config.name;
  options.camera = config.camera;
  options.rendition = {.codec = config.codec,
                       .size = config.size,
                       .fps_milli = config.fps_milli,
                       .bitrate_kbps = config.codec == Codec::jpeg ? 0 : config.bitrate_kbps};
  options.target = *rtsp::parse_rtsp_url(config.url);  // checked where it came from
  options.ca_file = config.tls_ca;
  options.check_certificate = config.tls_verify;
  PushParts parts{.cameras = cameras_, .sources = sources_, .log = log_, .chance = chance, .default_camera = [this] {
                    return camera_of({});
                  }};
  return Push::create(loops_.at(next_loop_++ % loops_.size()), std::move(parts), std::move(options));
}

bool Publisher::should_run(const Entry& entry) const {
  if (entry.is_asked_for) return true;
  const auto switched = switched_.find(entry.config.name);
  return switched == switched_.end() ? entry.config.start : switched->second;
}

// The new push begins when the target has been told that the old one ends.
void Publisher::replace(Entry& entry, PublishConfig config) {
  const auto old = std::exchange(entry.push, nullptr);
  entry.config = std::move(config);
  entry.is_asked_for = false;
  entry.camera = camera_of(entry.config);
  entry.push = make_push(entry.config);
  const bool on = should_run(entry);
  if (!old) {
    if (on) entry.push->start();
    return;
  }
  old->stop([old, next = on ? entry.push : nullptr] {
    if (next) next->start();
  });
}

void Publisher::configure(std::vector<PublishConfig> wanted) {
  MutexLock lock(mutex_);
  if (is_closing_) return;
  const auto is_wanted = [&](const Entry& entry) {
    return std::ranges::any_of(wanted, [&](const PublishConfig& config) {
      return entry.is_asked_for ? camera_of(config) == entry.config.camera : config.name == entry.config.name;
    });
  };
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    // An entry for its camera takes the place of what a client asked for without one.
    const bool stays = entry->second.is_asked_for ? !is_wanted(entry->second) : is_wanted(entry->second);
    if (!stays) entry->second.push->stop();
    entry = stays ? std::next(entry) : entries_.erase(entry);
  }
  for (PublishConfig& config : wanted) {
    Entry& entry = entries_[config.name];
    const bool is_same =
        entry.push && !entry.is_asked_for && entry.config == config && entry.camera == camera_of(config);
    if (!is_same) replace(entry, std::move(config));
  }
  for (auto& [name, entry] : entries_) {
    if (entry.is_asked_for) entry.push->start();  // those of the state file, at the first time
  }
}

std::string Publisher::free_target(std::string_view camera) const {
  std::string usual = PublishConfig().url;
  for (const auto& [name, entry] : entries_) {
    if (entry.config.url == usual) return fmt::format("{}/{}", usual.substr(0, usual.rfind('/')), camera);
  }
  return usual;
}

void Publisher::add_asked_for(std::string camera, std::string url) {
  PublishConfig config;
  config.name = camera;
  while (entries_.contains(config.name)) config.name += "-streaming";
  config.camera = std::move(camera);
  config.url = std::move(url);
  Entry& entry = entries_[config.name];
  entry.camera = config.camera;
  entry.push = make_push(config);
  entry.config = std::move(config);
  entry.is_asked_for = true;
}

void Publisher::switch_entry(Entry& entry, bool on) {
  if (!entry.is_asked_for) switched_[entry.config.name] = on;
  if (on) entry.push->start();
  if (!on) entry.push->stop();
}

// ---- StreamingSwitch ----

bool Publisher::is_on(std::string_view camera) const {
  MutexLock lock(mutex_);
  return std::ranges::any_of(entries_, [&](const auto& named) {
    return named.second.push->is_on() && camera_of(named.second.config) == camera;
  });
}

Result<void> Publisher::start(std::string_view camera) {
  if (!cameras_.find(camera)) return Error{ErrorCode::not_found, fmt::format("no camera '{}'", camera)};
  MutexLock lock(mutex_);
  if (is_closing_) return Error{ErrorCode::unavailable, "the server is ending"};
  if (entries_of(camera).empty()) add_asked_for(std::string(camera), free_target(camera));
  for (Entry* const entry : entries_of(camera)) switch_entry(*entry, true);
  save();
  return {};
}

Result<void> Publisher::stop(std::string_view camera) {
  MutexLock lock(mutex_);
  const auto entries = entries_of(camera);
  for (Entry* const entry : entries) switch_entry(*entry, false);
  if (!entries.empty() && !is_closing_) save();
  return {};
}

void Publisher::say_farewell() {
  struct Count {
    Mutex mutex;
    CondVar changed;
    size_t left GUARDED_BY(mutex) = 0;
  };
  const auto count = std::make_shared<Count>();
  {
    MutexLock lock(mutex_);
    is_closing_ = true;
    MutexLock counting(count->mutex);
    count->left = entries_.size();
    for (auto& [name, entry] : entries_) {
      entry.push->stop([count] {
        MutexLock done(count->mutex);
        --count->left;
        count->changed.notify_one();
      });
    }
  }
  const auto until = std::chrono::steady_clock::now() + farewell_patience;
  MutexLock lock(count->mutex);
  while (count->left > 0 && count->changed.wait_until(count->mutex, until) != std::cv_status::timeout) {
  }
}

}  // namespace camweave
