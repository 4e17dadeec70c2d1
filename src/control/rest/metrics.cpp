#include "control/rest/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>

namespace camweave {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric metric(MetricType type, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric made;
  made.label = std::move(labels);
  if (type == MetricType::Counter) made.counter.value = value;
  if (type == MetricType::Gauge) made.gauge.value = value;
  return made;
}

MetricFamily single(std::string name, std::string help, MetricType type, double value) {
  return {std::move(name), std::move(help), type, {metric(type, value)}};
}

// One row for each figure of a camera.
struct CameraFigure {
  const char* name;
  const char* help;
  MetricType type;
  std::optional<double> (*read)(const CameraHealth& health);
};
constexpr std::array camera_figures{
    CameraFigure{
        "camweave_camera_up", "1 while pictures come", MetricType::Gauge,
        [](const CameraHealth& h) -> std::optional<double> { return h.state == CameraState::streaming ? 1 : 0; }},
    CameraFigure{"camweave_camera_fps", "Frames a second, measured", MetricType::Gauge,
                 [](const CameraHealth& h) -> std::optional<double> { return h.fps; }},
    CameraFigure{"camweave_camera_expected_fps", "Frames a second that the camera's mode promises", MetricType::Gauge,
                 [](const CameraHealth& h) -> std::optional<double> { return h.expected_fps; }},
    CameraFigure{"camweave_camera_last_frame_age_seconds", "Age of the newest frame", MetricType::Gauge,
                 [](const CameraHealth& h) -> std::optional<double> {
                   if (!h.last_frame_age_ms) return std::nullopt;
                   return static_cast<double>(*h.last_frame_age_ms) / 1000.0;
                 }},
    CameraFigure{"camweave_camera_dropped_frames_total", "Frames lost between sensor and streams", MetricType::Counter,
                 [](const CameraHealth& h) -> std::optional<double> { return static_cast<double>(h.dropped); }},
    CameraFigure{"camweave_camera_restarts_total", "Workers started again after a failure", MetricType::Counter,
                 [](const CameraHealth& h) -> std::optional<double> { return static_cast<double>(h.restarts); }},
};

void add_cameras(std::vector<MetricFamily>& families, const std::vector<CameraStatus>& cameras) {
  for (const CameraFigure& figure : camera_figures) {
    MetricFamily family{figure.name, figure.help, figure.type, {}};
    for (const CameraStatus& camera : cameras) {
      if (const auto value = figure.read(camera.health)) {
        family.metric.push_back(metric(figure.type, *value, {{"camera", camera.id}}));
      }
    }
    families.push_back(std::move(family));
  }
  MetricFamily states{"camweave_camera_state", "1 for the state that the camera is in", MetricType::Gauge, {}};
  for (const CameraStatus& camera : cameras) {
    for (const CameraState state : {CameraState::starting, CameraState::streaming, CameraState::stalled,
                                    CameraState::failed, CameraState::away, CameraState::disabled}) {
      states.metric.push_back(metric(MetricType::Gauge, camera.health.state == state ? 1 : 0,
                                     {{"camera", camera.id}, {"state", to_string(state)}}));
    }
  }
  families.push_back(std::move(states));
}

}  // namespace

std::string metrics_text(const Supervisor& supervisor, const IoLoops& loops, double uptime_s, const std::vector<ServerFigure>& more) {
  std::vector<MetricFamily> families;
  families.push_back(single("camweave_uptime_seconds", "Since the server's start", MetricType::Gauge, uptime_s));
  const Supervisor::Figures figures = supervisor.figures();
  families.push_back(single("camweave_packet_memory_bytes", "Encoded frames in memory", MetricType::Gauge,
                            static_cast<double>(figures.packet_memory_bytes)));
  families.push_back(single("camweave_workers_that_broke_a_rule_total", "Workers ended for a message against the rules",
                            MetricType::Counter, static_cast<double>(figures.workers_that_broke_a_rule)));
  add_cameras(families, supervisor.list());
  for (size_t i = 0; i < net_counter_count; ++i) {
    const auto counter = static_cast<NetCounter>(i);
    families.push_back(single(std::string("camweave_net_") + to_string(counter) + "_total", "", MetricType::Counter,
                              static_cast<double>(loops.read(counter))));
  }
  for (const ServerFigure& figure : more) {
    const auto type = figure.kind == ServerFigure::Kind::counter ? MetricType::Counter : MetricType::Gauge;
    families.push_back(single(figure.name, figure.help, type, static_cast<double>(figure.value)));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace camweave
