#include "control/rest/event_hub.h"

#include <nlohmann/json.hpp>

#include "control/rest/camera_json.h"

namespace camweave {

using nlohmann::json;

EventHub::EventHub(Cameras& cameras)
    : cameras_(cameras), subscription_(cameras.subscribe([this](const CameraEvent& event) { on_event(event); })) {}

HttpHandler EventHub::handler() {
  return [this](const std::shared_ptr<HttpExchange>& exchange) {
    if (auto client = EventStream::start(exchange)) join(client);
  };
}

void EventHub::join(const std::shared_ptr<EventStream>& client) {
  {
    // Listed before it is greeted: what changes in between comes twice rather than not at all.
    MutexLock lock(mutex_);
    clients_.push_back({client, false, {}});
  }
  greet(*client);  // without the lock: it asks those who may be sending at this moment
  MutexLock lock(mutex_);
  for (Client& known : clients_) {
    if (known.stream != client) continue;
    for (const auto& [event, data] : std::exchange(known.held, {})) client->send(event, data);
    known.is_greeted = true;
  }
}

void EventHub::greet(EventStream& client) {
  for (const CameraStatus& status : cameras_.list()) client.send("camera", json_text(camera_json(status)));
  if (!state_) return;
  for (const auto& [event, data] : state_()) client.send(event, data);
}

void EventHub::send(std::string_view event, const std::string& data) {
  MutexLock lock(mutex_);
  std::erase_if(clients_, [&](Client& client) {
    if (client.is_greeted) return !client.stream->send(event, data);
    client.held.emplace_back(event, data);
    return false;
  });
}

void EventHub::send_health() {
  {
    MutexLock lock(mutex_);
    if (clients_.empty()) return;
  }
  json cameras = json::array();
  for (const CameraStatus& status : cameras_.list()) cameras.push_back(health_json(status.id, status.health));
  send("health", json_text({{"cameras", std::move(cameras)}}));
}

void EventHub::on_event(const CameraEvent& event) {
  {
    MutexLock lock(mutex_);
    if (clients_.empty()) return;
  }
  switch (event.kind) {
    case CameraEvent::Kind::changed:
      send("camera", json_text(camera_json(event.status)));
      break;
    case CameraEvent::Kind::removed:
      send("camera_removed", json_text({{"id", event.id}}));
      break;
    case CameraEvent::Kind::controls:
      send("controls", json_text({{"camera", event.id}, {"controls", controls_json(event.controls)}}));
      break;
  }
}

}  // namespace camweave
