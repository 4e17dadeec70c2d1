// CameraControl: the API of the camera-control service (docs/reference/camera-control.md), on the default camera or
// ?camera=ID, in both of its versions: unprefixed and under /v1. Thread-safe.
//
// It keeps nothing: what is set are the camera's own controls, checked against their schema and kept by the supervisor;
// what it says comes from them and from the newest frame's metadata.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/camera_control/control_body.h"
#include "control/camera_control/streaming_switch.h"
#include "control/rest/api_route.h"
#include "net/http_server.h"
#include "stream/cameras.h"

namespace camweave {

class CameraControl {
 public:
  struct Options {
    std::function<std::string()> default_camera;  // "" or absent: the first
    StreamingSwitch* streaming = nullptr;         // null: this server pushes nothing. Must outlive the loops
  };
  // `cameras` must outlive the loops.
  CameraControl(Cameras& cameras, Options options) : cameras_(cameras), options_(std::move(options)) {}

  std::vector<ApiRoute> routes();  // this must outlive the loops
  // What GET /health answers to clients of this API.
  std::string health_json() const;

 private:
  using ExchangePtr = std::shared_ptr<HttpExchange>;
  enum class Version { first, v1 };

  std::string default_id() const;
  // The camera that a request means; answers 404 itself where there is none.
  std::optional<CameraStatus> camera_of(const ExchangePtr& exchange) const;
  bool is_streaming(std::string_view camera) const;

  void show_status(const ExchangePtr& exchange) const;
  void set_switch(const ExchangePtr& exchange, Version version, const char* control, const char* answer_field);
  void set_exposure(const ExchangePtr& exchange, Version version);
  void switch_streaming(const ExchangePtr& exchange, bool on);
  void apply(const ExchangePtr& exchange, Version version, std::string_view camera, ControlValues values,
             std::string answer);

  Cameras& cameras_;
  const Options options_;
};

}  // namespace camweave
