#include "capture/pattern/pattern_camera.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <optional>

#include "capture/pattern/canvas_pool.h"
#include "capture/pattern/painter.h"
#include "capture/pattern/pattern_controls.h"
#include "capture/pattern/pattern_options.h"
#include "encode/jpeg/jpeg_compressor.h"

namespace camweave {
namespace pattern {
namespace {

// While nobody watches the frames are only counted, and not one by one when they are many.
constexpr std::chrono::milliseconds unwatched_tick(100);

enum class Wake { time, wanted, stop };

// Sleeps until `deadline`, the stop, or a change of wanted(). To the nanosecond, for a thousand frames in a second.
Wake sleep_until(Timestamp deadline, const StopSignal& stop, FrameSink& sink) {
  for (;;) {
    const auto left = std::max(deadline - std::chrono::steady_clock::now(), std::chrono::nanoseconds::zero());
    const timespec timeout{std::chrono::duration_cast<std::chrono::seconds>(left).count(),
                           (left % std::chrono::seconds(1)).count()};
    std::array<pollfd, 2> fds{{{stop.fd(), POLLIN, 0}, {sink.wanted_fd(), POLLIN, 0}}};
    const int ready = ::ppoll(fds.data(), fds.size(), &timeout, nullptr);
    if (ready < 0) continue;
    if (fds[0].revents) return Wake::stop;
    if (fds[1].revents) {
      sink.clear_wanted_event();
      return Wake::wanted;
    }
    return Wake::time;
  }
}

PlaneView view(const Plane& plane, Size size) {
  return {reinterpret_cast<const uint8_t*>(plane.data), static_cast<int>(plane.stride_bytes), size.width, size.height};
}

class PatternCamera final : public Camera {
 public:
  PatternCamera(const Clock& clock, Log& log) : clock_(clock), log_(log) {}

  Result<ipc::Opened> open(const CameraRequest& request) override;
  Result<void> run(FrameSink& sink, const StopSignal& stop) override;
  std::vector<Control> controls() const override;
  ControlOutcome set_controls(const ControlValues& wanted) override;
  Result<void> reset_controls() override;

 private:
  Timestamp time_of(uint64_t frame) const;
  uint64_t frame_at(Timestamp time) const;
  void apply_configured(const ControlValues& values);
  void advance_sensor(Timestamp to);
  void show(uint64_t frame, FrameSink& sink);
  bool draw(uint64_t frame, Frame& out);
  bool compress(Canvas& canvas, Frame& out);
  PatternSettings settings() const;

  const Clock& clock_;
  Log& log_;

  // Driver thread.
  PatternOptions options_;
  uint64_t first_sequence_ = 0;
  Timestamp start_{};
  Timestamp sensor_time_{};
  std::optional<Sensor> sensor_;
  std::optional<Painter> painter_;
  std::optional<CanvasPool> canvases_;
  std::optional<JpegCompressor> compressor_;

  mutable Mutex mutex_;
  PatternSettings defaults_ GUARDED_BY(mutex_);
  PatternSettings settings_ GUARDED_BY(mutex_);
  SensorReading reading_ GUARDED_BY(mutex_);
  bool flash_wanted_ GUARDED_BY(mutex_) = false;
};

Result<ipc::Opened> PatternCamera::open(const CameraRequest& request) {
  auto options = parse_options(request);
  if (!options) return options.error();
  options_ = *std::move(options);
  first_sequence_ = request.first_sequence;
  sensor_.emplace(std::chrono::nanoseconds(1'000'000'000'000 / options_.fps_milli));
  painter_.emplace(options_.size);
  const bool is_jpeg = options_.format == PixelFormat::jpeg;
  canvases_.emplace(is_jpeg ? PixelFormat::i420 : options_.format, options_.size);
  if (is_jpeg) compressor_.emplace(options_.quality);
  {
    MutexLock lock(mutex_);
    defaults_.kind = options_.kind;
    settings_ = defaults_;
    // An automatic that is configured off stands at its default, not where the sensor happens to begin.
    reading_ = {defaults_.sensor.exposure_us, defaults_.sensor.gain, defaults_.sensor.colour_temperature_k};
  }
  apply_configured(request.controls);
  start_ = sensor_time_ = clock_.now();
  advance_sensor(start_);

  ipc::Opened opened;
  opened.make = "Camweave";
  opened.model = "Test pattern";
  opened.mode = {options_.format, options_.size, options_.fps_milli};
  opened.mode_note = options_.note;
  opened.modes = {opened.mode};
  opened.controls = controls();
  return opened;
}

void PatternCamera::apply_configured(const ControlValues& values) {
  ControlValues good = values;
  switch_off_autos(controls(), good);
  for (const ControlError& error : check_controls(controls(), good)) {
    good.erase(error.name);
    log_.warning("", "configured control not applied: {}", error.message);
  }
  set_controls(good);
}

std::vector<Control> PatternCamera::controls() const {
  MutexLock lock(mutex_);
  return schema_of(settings_, defaults_, reading_);
}

ControlOutcome PatternCamera::set_controls(const ControlValues& wanted) {
  MutexLock lock(mutex_);
  if (apply_values(wanted, reading_, settings_)) flash_wanted_ = true;
  ControlOutcome outcome;
  const std::vector<Control> schema = schema_of(settings_, defaults_, reading_);
  for (const auto& [name, value] : wanted) {
    const Control* control = find_control(schema, name);
    if (control) outcome.applied.emplace(name, control->type == ControlType::action ? value : control->value);
  }
  return outcome;
}

Result<void> PatternCamera::reset_controls() {
  MutexLock lock(mutex_);
  settings_ = defaults_;
  return {};
}

PatternSettings PatternCamera::settings() const {
  MutexLock lock(mutex_);
  return settings_;
}

// From the start, not from the last frame: rounding doesn't add up.
Timestamp PatternCamera::time_of(uint64_t frame) const {
  const auto rate = static_cast<uint64_t>(options_.fps_milli);
  constexpr uint64_t ns_of_thousand_seconds = 1'000'000'000'000;
  const uint64_t ns = frame / rate * ns_of_thousand_seconds + frame % rate * ns_of_thousand_seconds / rate;
  return start_ + std::chrono::nanoseconds(ns);
}

// The last frame whose time has come.
uint64_t PatternCamera::frame_at(Timestamp time) const {
  const auto since = static_cast<uint64_t>(std::max<int64_t>((time - start_).count(), 0));
  auto frame = static_cast<uint64_t>(static_cast<double>(since) * options_.fps_milli / 1e12);
  while (time_of(frame + 1) <= time) ++frame;
  while (frame > 0 && time_of(frame) > time) --frame;
  return frame;
}

Result<void> PatternCamera::run(FrameSink& sink, const StopSignal& stop) {
  start_ = sensor_time_ = clock_.now();
  uint64_t next = 0;
  while (!stop.raised()) {
    const bool watched = sink.wanted();
    const Timestamp now = clock_.now();
    if (time_of(next) > now) {
      // The next frame's time; unwatched, that of the last one within a tick.
      const Timestamp wake = watched ? time_of(next) : time_of(std::max(next, frame_at(now + unwatched_tick)));
      if (!watched) canvases_->shrink();
      if (sleep_until(wake, stop, sink) == Wake::stop) break;
      continue;
    }
    const uint64_t newest = frame_at(now);
    if (watched) {
      // Late: the older ones can't be shown any more.
      if (newest > next) sink.count_dropped(newest - next);
      show(newest, sink);
    } else {
      for (uint64_t frame = next; frame <= newest; ++frame) sink.count_frame(first_sequence_ + frame, time_of(frame));
      advance_sensor(time_of(newest));
      sink.note_metadata(sensor_->metadata());
    }
    next = newest + 1;
  }
  return {};
}

void PatternCamera::advance_sensor(Timestamp to) {
  MutexLock lock(mutex_);
  if (std::exchange(flash_wanted_, false)) sensor_->flash();
  sensor_->advance(to - sensor_time_, settings_.sensor);
  sensor_time_ = to;
  reading_ = {sensor_->exposure_us(), sensor_->gain(), sensor_->colour_temperature_k()};
}

void PatternCamera::show(uint64_t frame, FrameSink& sink) {
  advance_sensor(time_of(frame));
  Frame out;
  if (draw(frame, out)) {
    sink.deliver(std::move(out));
  } else {
    sink.count_dropped(1);
  }
}

bool PatternCamera::draw(uint64_t frame, Frame& out) {
  const auto canvas = canvases_->take();
  if (!canvas) return false;
  const PatternSettings now = settings();
  out.sequence = first_sequence_ + frame;
  out.capture_time = time_of(frame);
  out.metadata = sensor_->metadata();
  out.size = options_.size;
  out.format = options_.format;
  const Scene scene(now.kind, options_.size, now.flip_h, now.flip_v);
  painter_->draw(*canvas, scene, *sensor_, {out.sequence, clock_.wall_at(out.capture_time), out.capture_time - start_});
  out.buffer = canvas;
  if (options_.format == PixelFormat::jpeg) return compress(*canvas, out);
  out.planes = canvas->raster.planes();
  return true;
}

bool PatternCamera::compress(Canvas& canvas, Frame& out) {
  const auto planes = canvas.raster.planes();
  const Size half = half_size(options_.size);
  const PicturePlanes picture{view(planes[0], options_.size), view(planes[1], half), view(planes[2], half)};
  // Noise at quality 100 needs about 2 bytes a pixel.
  constexpr size_t least_room = 16 * 1024;
  canvas.jpeg.resize(static_cast<size_t>(options_.size.width) * static_cast<size_t>(options_.size.height) * 3 +
                     least_room);
  const auto written = compressor_->compress(picture, canvas.jpeg);
  if (!written) {
    log_.limited(LogLevel::warning, "", written.error().message);
    return false;
  }
  out.planes[0] = {canvas.jpeg.data(), 0, *written};
  return true;
}

std::unique_ptr<Camera> make_pattern_camera(const Clock& clock, Log& log) {
  return std::make_unique<PatternCamera>(clock, log);
}

}  // namespace
}  // namespace pattern

const Driver& pattern_driver() {
  static constexpr Driver driver{"pattern", pattern::make_pattern_camera, nullptr};
  return driver;
}

}  // namespace camweave
