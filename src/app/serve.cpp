// `camweave serve`: makes every part, hands them to each other, waits for signals, and takes all down in order.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "app/commands.h"
#include "app/page_address.h"
#include "app/service_notifier.h"
#include "control/camera_control/camera_control.h"
#include "control/config/config_files.h"
#include "control/discovery/find_cameras.h"
#include "control/dual_camera/dual_camera.h"
#include "control/publish/publisher.h"
#include "control/rest/camera_json.h"
#include "control/rest/camera_routes.h"
#include "control/rest/login_routes.h"
#include "control/rest/server_routes.h"
#include "control/supervisor/supervisor.h"
#include "net/http_server.h"
#include "net/static_files.h"
#include "sink/rtsp/rtsp_server.h"

namespace camweave {
namespace {

using namespace std::chrono_literals;
constexpr auto discovery_patience = 2s;

// Blocked in every thread and taken by the main one.
sigset_t signals_we_take() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, number);
  return set;
}

Access access_of(const ServerConfig& server, std::shared_ptr<Sessions> sessions) {
  AccessOptions options;
  options.allowed_origins = server.allowed_origins;
  options.allowed_hosts = server.allowed_hosts;
  options.api_key = server.api_key;
  options.sessions = std::move(sessions);
  return Access(std::move(options));
}

// Everything that serves. Members are destroyed from the last to the first: whatever calls into another comes after it.
class Server {
 public:
  Server(const ServeOptions& options, Config config)
      : options_(options),
        config_(std::move(config)),
        log_(clock_, config_.server.log_level,
             options.log.value_or(config_.server.log) == LogFormat::json ? json_log_writer(STDERR_FILENO)
                                                                         : text_log_writer(STDERR_FILENO)) {}

  Result<void> start();
  void run_until_stopped();
  void stop();

 private:
  Result<void> start_serving();
  Result<void> start_rtsp();
  std::vector<ServerFigure> figures() const;
  void discover();
  void reload();
  void say_what_is_not_served();
  std::vector<ApiRoute> api();
  ServerConfig server_config() const {
    MutexLock lock(mutex_);
    return config_.server;
  }

  // Constant after construction.
  const ServeOptions options_;
  const SystemClock clock_;
  const Timestamp started_ = clock_.now();
  const WorkerPrograms programs_ = WorkerPrograms::beside_this_program();
  const std::shared_ptr<Sessions> sessions_ = std::make_shared<Sessions>(clock_);

  mutable Mutex mutex_;
  // Changed by the main thread alone, under mutex_; read on the loops.
  Config config_;
  std::vector<std::string> listening_;
  Log log_;
  std::string openapi_;
  Router router_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<EventHub> events_;
  std::unique_ptr<CameraControl> camera_control_;
  std::unique_ptr<DualCamera> dual_camera_;
  std::unique_ptr<IoLoops> loops_;
  std::shared_ptr<RtspSources> rtp_sources_;  // of the RTSP server and the pushes
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<RtspServer> rtsp_;
  std::atomic<bool> has_rtsp_ = false;  // read on the loops, where rtsp_ may not be there yet
  std::unique_ptr<ServiceNotifier> notifier_;
  std::thread discovery_;
};

Result<void> Server::start() {
  Supervisor::Options options;
  options.programs = programs_;
  if (auto directory = state_directory(config_)) {
    options.state_directory = *directory;
  } else if (!config_.server.state_dir.empty()) {
    return directory.error();
  } else {
    log_.warning("state", "what users set is lost at the next start: {}", directory.error().message);
  }
  const std::string state = options.state_directory;
  auto supervisor = Supervisor::start(clock_, log_, std::move(options));
  if (!supervisor) return supervisor.error();
  supervisor_ = *std::move(supervisor);
  // Cameras take the longest: they start while the rest is made.
  if (!config_.cameras.empty()) supervisor_->configure(config_.cameras);
  if (config_.cameras.empty()) discovery_ = std::thread([this] { discover(); });

  auto loops = IoLoops::start(clock_);
  if (!loops) return loops.error();
  loops_ = *std::move(loops);
  rtp_sources_ = std::make_shared<RtspSources>(*loops_);
  publisher_ = std::make_unique<Publisher>(*loops_, *supervisor_, rtp_sources_, log_,
                                           Publisher::Options{state, [this] { return server_config().default_camera; }});
  events_ = std::make_unique<EventHub>(*supervisor_);
  DualCamera::Options dual;
  dual.state_directory = state;
  dual.on_config = [this](const std::string& json) { events_->send("config", json); };
  dual.health_json = [this] {
    const bool is_plain = server_config().health == HealthStyle::plain;
    return is_plain ? R"({"status":"ok"})" : camera_control_->health_json();
  };
  CameraControl::Options control;
  control.default_camera = [this] { return server_config().default_camera; };
  control.streaming = publisher_.get();
  camera_control_ = std::make_unique<CameraControl>(*supervisor_, std::move(control));
  dual_camera_ = std::make_unique<DualCamera>(*supervisor_, log_, std::move(dual));
  events_->start_with([this] {
    return std::vector<std::pair<std::string, std::string>>{{"config", dual_camera_->config_json()}};
  });
  return start_serving();
}

std::vector<ApiRoute> Server::api() {
  std::vector<ApiRoute> routes = camera_routes(*supervisor_);
  const auto append = [&routes](std::vector<ApiRoute> more) {
    routes.insert(routes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  append(control_routes(*supervisor_));
  append(rendition_routes(*supervisor_));
  append(server_routes({.clock = clock_,
                        .log = log_,
                        .supervisor = *supervisor_,
                        .loops = *loops_,
                        .events = *events_,
                        .started = started_,
                        .programs = programs_,
                        .listeners =
                            [this] {
                              MutexLock lock(mutex_);
                              return listening_;
                            },
                        .is_protected = [this] { return server_config().api_key.empty(); },
                        .figures = [this] { return figures(); }}));
  append(camera_control_->routes());
  append(login_routes({.sessions = sessions_, .api_key = [this] { return server_config().api_key; }, .log = log_}));
  append(dual_camera_->routes());
  append(publisher_->routes());
  routes.push_back({.pattern = "/openapi.json",
                    .summary = "This description",
                    .handler = [this](const std::shared_ptr<HttpExchange>& exchange) {
                      exchange->respond(json_response(200, openapi_));
                    }});
  return routes;
}

Result<void> Server::start_serving() {
  const std::vector<ApiRoute> routes = api();
  openapi_ = openapi_document(routes);
  add_routes(router_, routes);
  router_.fallback(static_file_handler(embedded_web_files()), {.is_public = true});
  http_ = std::make_unique<HttpServer>(*loops_, router_, access_of(config_.server, sessions_), log_);
  // Whoever connects finds the cameras that are here, not an empty list. Bounded by discovery_patience.
  if (discovery_.joinable()) discovery_.join();
  publisher_->configure(config_.publish);
  // Whoever is answered by HTTP finds everything there.
  if (auto started = start_rtsp(); !started) return started;
  std::vector<ListenAddress> bound;
  for (const std::string& text : config_.server.http) {
    auto address = parse_listen_address(text);
    if (!address) return address.error();
    auto listening = http_->listen(*address);
    if (!listening) return listening.error();
    bound.push_back(*listening);
    MutexLock lock(mutex_);
    listening_.push_back(listening->to_string());
  }
  std::vector<ServiceNotifier::Ping> pings{[this](auto answer) { supervisor_->ping(std::move(answer)); }};
  for (size_t i = 0; i < loops_->size(); ++i) {
    pings.emplace_back([loop = &loops_->at(i)](auto answer) { loop->post(std::move(answer)); });
  }
  notifier_ = std::make_unique<ServiceNotifier>(std::move(pings));
  notifier_->ready();
  say_what_is_not_served();
  for (const ListenAddress& address : bound) log_.info("http", "the page is at {}", page_address(address));
  return {};
}

Result<void> Server::start_rtsp() {
  if (config_.server.rtsp.empty()) return {};
  const auto address = parse_listen_address(config_.server.rtsp);
  if (!address) return address.error();
  auto started = RtspServer::start(
      *loops_, *supervisor_, log_, *address,
      {.password = config_.server.api_key, .gop_cache = config_.server.gop_cache, .sources = rtp_sources_});
  if (!started) {
    // Nobody chose this port: a second server on one machine does without, and says so.
    const bool is_default = config_.server.rtsp == ServerConfig().rtsp;
    if (!is_default || started.error().code != ErrorCode::busy) return started.error();
    log_.error("rtsp", "no RTSP: {} with [server] rtsp, or switch it off with rtsp = \"\"", started.error().message);
    return {};
  }
  rtsp_ = *std::move(started);
  has_rtsp_ = true;
  log_.info("rtsp", "cameras are at rtsp://{}/CAMERA", rtsp_->address().to_string());
  MutexLock lock(mutex_);
  listening_.push_back("rtsp://" + rtsp_->address().to_string());
  return {};
}

// Of the parts that REST doesn't know.
std::vector<ServerFigure> Server::figures() const {
  using Kind = ServerFigure::Kind;
  const Publisher::Figures pushes = publisher_->figures();
  std::vector<ServerFigure> all{
      {"camweave_publish_on", "Pushes that are meant to run", Kind::gauge, pushes.on},
      {"camweave_publish_streaming", "Pushes whose target takes pictures", Kind::gauge, pushes.streaming},
      {"camweave_publish_sent_frames_total", "Frames sent to targets", Kind::counter, pushes.frames_sent},
      {"camweave_publish_sent_bytes_total", "Bytes sent to targets", Kind::counter, pushes.bytes_sent},
      {"camweave_publish_dropped_frames_total", "Frames that targets were too slow for", Kind::counter, pushes.frames_dropped},
      {"camweave_publish_connections_total", "How often a target began to take pictures", Kind::counter, pushes.connections}};
  if (!has_rtsp_) return all;
  const RtspServer::Figures rtsp = rtsp_->figures();
  const std::vector<ServerFigure> of_rtsp{
          {"camweave_rtsp_sessions", "RTSP connections", Kind::gauge, rtsp.sessions},
          {"camweave_rtsp_readers", "RTSP sessions that play", Kind::gauge, rtsp.readers},
          {"camweave_rtsp_dropped_frames_total", "Frames that RTSP readers were too slow for", Kind::counter, rtsp.frames_dropped},
          {"camweave_rtsp_refused_requests_total", "RTSP requests answered with an error", Kind::counter, rtsp.refused_requests},
          {"camweave_rtsp_timed_out_total", "RTSP sessions ended for silence or a stall", Kind::counter, rtsp.readers_timed_out},
          {"camweave_rtsp_unreachable_total", "RTSP readers whose UDP port was closed", Kind::counter, rtsp.readers_unreachable}};
  all.insert(all.end(), of_rtsp.begin(), of_rtsp.end());
  return all;
}

void Server::say_what_is_not_served() {
  const auto keys = listeners_not_served(config_.server);
  if (!keys.empty())
    log_.info("config", "this version does not serve {} yet: nothing listens there", fmt::join(keys, ", "));
}

void Server::discover() {
  const auto findings = find_cameras(programs_, discovery_patience);
  for (const DriverFindings& finding : findings) {
    if (!finding.problem.empty()) log_.info("cameras", "{}: {}", finding.driver, finding.problem);
    for (const DiscoveredCamera& camera : finding.cameras) {
      if (!camera.problem.empty()) log_.warning("cameras", "{}: {}", camera.source, camera.problem);
    }
  }
  const auto cameras = configuration_of(findings);
  for (const CameraConfig& camera : cameras) log_.info("cameras", "{} is {}", camera.id, redact_url(camera.source));
  supervisor_->configure(cameras);
}

void Server::reload() {
  auto config = load_config(find_config_file(options_.config_path), options_.sets);
  if (!config) {
    log_.error("config", "not reloaded, nothing changed: {}", config.error().message);
    return;
  }
  const auto waiting = keys_that_need_a_restart(config_.server, config->server);
  if (!waiting.empty()) log_.warning("config", "{}: takes effect at the next start", fmt::join(waiting, ", "));
  if (config->server.api_key != config_.server.api_key) sessions_->end_all();
  http_->set_access(access_of(config->server, sessions_));
  if (rtsp_) rtsp_->set_password(config->server.api_key);
  const bool had_cameras = !config_.cameras.empty();
  const auto cameras = config->cameras;
  const auto pushes = config->publish;
  {
    MutexLock lock(mutex_);
    config_ = *std::move(config);
  }
  if (!cameras.empty() || had_cameras) supervisor_->configure(cameras);
  publisher_->configure(pushes);
  log_.info("config", "reloaded, {} cameras", cameras.size());
}

void Server::run_until_stopped() {
  const sigset_t signals = signals_we_take();
  std::chrono::nanoseconds tick = EventHub::health_interval;
  if (const auto watchdog = notifier_->interval()) tick = std::min<std::chrono::nanoseconds>(tick, *watchdog);
  Timestamp next_health = clock_.now();
  while (true) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(tick);
    const timespec wait{seconds.count(), (tick - seconds).count()};
    const int number = ::sigtimedwait(&signals, nullptr, &wait);
    if (number == SIGINT || number == SIGTERM) return;
    if (number == SIGHUP) reload();
    if (notifier_->interval()) notifier_->tick();
    if (clock_.now() >= next_health) {
      events_->send_health();
      next_health = clock_.now() + EventHub::health_interval - 10ms;
    }
  }
}

void Server::stop() {
  if (notifier_) notifier_->stopping();
  if (http_) http_->stop_accepting();
  if (discovery_.joinable()) discovery_.join();
  if (publisher_) publisher_->say_farewell();
  if (supervisor_) supervisor_->shut_down();
  if (loops_) loops_->stop();
  // Answers that are still to be given reach loops that exist, though they don't run any more.
  if (dual_camera_) dual_camera_->stop();
  if (publisher_) publisher_->stop_writing();
  if (supervisor_) supervisor_->stop();
}

}  // namespace

int serve(const ServeOptions& options) {
  const sigset_t signals = signals_we_take();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  auto config = load_config(find_config_file(options.config_path), options.sets);
  if (!config) return say_bad_config(config.error());
  Server server(options, *std::move(config));
  if (auto started = server.start(); !started) {
    server.stop();
    say_fatal(started.error().message);
    return exit_failed;
  }
  server.run_until_stopped();
  server.stop();
  return exit_fine;
}

}  // namespace camweave
