#include "sink/websocket/websocket_sink.h"

#include <charconv>
#include <vector>

#include "sink/rendition_query.h"
#include "sink/websocket/websocket_session.h"

namespace camweave {

HttpHandler websocket_jpeg_handler(Cameras& cameras) {
  return [&cameras](const std::shared_ptr<HttpExchange>& exchange) {
    const HttpRequest& request = exchange->request();
    const auto rendition = parse_rendition_query(request);
    if (!rendition) return exchange->respond(rendition_refusal(rendition.error()));
    auto stream = cameras.open(request.parameter("id"), *rendition);
    if (!stream) return exchange->respond(rendition_refusal(stream.error()));
    start_websocket_jpeg(exchange, std::move(*stream), {});
  };
}

struct IndexedStreams::State {
  struct Session {
    std::string camera_id;
    FrameSessionRef ref;
  };

  State(Cameras& its_cameras, Log& its_log, const Rendition& its_rendition)
      : cameras(its_cameras), log(its_log), rendition(its_rendition) {}

  Rendition current() {
    MutexLock lock(mutex);
    return rendition;
  }
  // False when the rendition has changed since `begun_with`.
  bool add(Session session, const Rendition& begun_with) {
    MutexLock lock(mutex);
    std::erase_if(sessions, [](const Session& other) { return other.ref.has_ended(); });
    sessions.push_back(std::move(session));
    return rendition == begun_with;
  }

  Cameras& cameras;
  Log& log;
  Mutex mutex;
  Rendition rendition GUARDED_BY(mutex);
  std::vector<Session> sessions GUARDED_BY(mutex);
};

namespace {

std::optional<size_t> parse_index(std::string_view text) {
  size_t index = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return index;
}

}  // namespace

IndexedStreams::IndexedStreams(Cameras& cameras, Log& log, const Rendition& rendition)
    : state_(std::make_shared<State>(cameras, log, rendition)) {}

IndexedStreams::~IndexedStreams() = default;

HttpHandler IndexedStreams::handler() {
  return [state = state_](const std::shared_ptr<HttpExchange>& exchange) {
    const std::string_view text = exchange->request().parameter("index");
    const auto index = parse_index(text);
    const auto id = index ? state->cameras.id_at(*index) : std::nullopt;
    if (!id) return exchange->respond(detail_response(404, "there is no camera " + std::string(text)));
    const Rendition rendition = state->current();
    auto stream = state->cameras.open(*id, rendition);
    if (!stream) return exchange->respond(rendition_refusal(stream.error()));
    const FrameSessionRef ref = start_websocket_jpeg(exchange, std::move(*stream), {});
    if (state->add({*id, ref}, rendition)) return;
    // The settings changed in between: this session was not among those that were told.
    if (auto changed = state->cameras.open(*id, state->current())) ref.switch_to(std::move(*changed));
  };
}

void IndexedStreams::switch_all(const Rendition& rendition) {
  std::vector<State::Session> sessions;
  {
    MutexLock lock(state_->mutex);
    state_->rendition = rendition;
    sessions = state_->sessions;
  }
  std::map<std::string, std::shared_ptr<Stream>> streams;
  for (const auto& session : sessions) {
    if (session.ref.has_ended()) continue;
    auto [place, is_new] = streams.try_emplace(session.camera_id);
    if (is_new) {
      auto stream = state_->cameras.open(session.camera_id, rendition);
      if (stream) place->second = std::move(*stream);
      if (!stream) state_->log.limited(LogLevel::warning, "camera " + session.camera_id, stream.error().message);
    }
    if (place->second) session.ref.switch_to(place->second);
  }
}

}  // namespace camweave
