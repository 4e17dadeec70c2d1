// The capture loop. Driver thread: open(), run(), wait_for_device(). Control thread: the controls. Both sides reach the
// device through `session_`, which the driver thread replaces when the device comes back.
#include "capture/v4l2/v4l2_camera.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/mutex.h"
#include "capture/captured_frame.h"
#include "capture/v4l2/buffer_queue.h"
#include "capture/v4l2/controls.h"
#include "capture/v4l2/device.h"
#include "capture/mode_choice.h"
#include "capture/picture_check.h"

namespace camweave::v4l2 {
namespace {

using namespace std::chrono_literals;

class V4l2Camera final : public Camera {
 public:
  V4l2Camera(Kernel& kernel, const Clock& clock, Log& log) : kernel_(kernel), clock_(clock), log_(log) {}

  Result<ipc::Opened> open(const CameraRequest& request) override;
  Result<void> run(FrameSink& sink, const StopSignal& stop) override;
  bool wait_for_device(const CameraRequest& request, const StopSignal& stop) override;
  std::vector<Control> controls() const override;
  ControlOutcome set_controls(const ControlValues& wanted) override;
  Result<void> reset_controls() override;

 private:
  // One opening of the device. Immutable but for the device behind it.
  struct Session {
    explicit Session(std::unique_ptr<Device> opened) : device(std::move(opened)), controls(*device) {}
    const std::unique_ptr<Device> device;
    const DeviceControls controls;
  };
  enum class Wake { frame, idle, source_changed };

  std::shared_ptr<Session> session() const {
    MutexLock lock(mutex_);
    return session_;
  }
  Result<ipc::Opened> configure(Session& session);
  void apply_wanted_controls(Session& session);
  void subscribe_source_changes(const Device& device);
  Result<Wake> wait(Session& session, FrameSink& sink, const StopSignal& stop, bool capturing);
  Wake read_events(Session& session, FrameSink& sink);
  Result<void> take_frames(BufferQueue& queue, Session& session, FrameSink& sink);
  void count_gap(FrameSink& sink, uint32_t driver_sequence);

  // Constant after construction.
  Kernel& kernel_;
  const Clock& clock_;
  Log& log_;

  // Driver thread only.
  CameraRequest request_;
  PictureLayout layout_;
  FrameMetadata metadata_;
  PictureCheck check_;
  uint64_t next_sequence_ = 0;
  std::optional<uint32_t> last_driver_sequence_;

  mutable Mutex mutex_;
  std::shared_ptr<Session> session_ GUARDED_BY(mutex_);
};

Result<ipc::Opened> V4l2Camera::open(const CameraRequest& request) {
  request_ = request;
  next_sequence_ = std::max(next_sequence_, request.first_sequence);
  auto path = resolve_device(kernel_, request.source.rest);
  if (!path) return path.error();
  auto device = Device::open(kernel_, *path);
  if (!device) return device.error();
  auto session = std::make_shared<Session>(std::move(*device));
  {
    MutexLock lock(mutex_);
    session_ = session;
  }
  subscribe_source_changes(*session->device);
  apply_wanted_controls(*session);
  return configure(*session);
}

Result<ipc::Opened> V4l2Camera::configure(Session& session) {
  Device& device = *session.device;
  const auto source_size = device.follow_source_timings();
  if (!source_size) return source_size.error();
  std::optional<PixelFormat> wanted_format;
  if (const auto option = request_.source.options.find("format"); option != request_.source.options.end()) {
    wanted_format = parse_pixel_format(option->second);
    if (!wanted_format) {
      return Error{ErrorCode::invalid_argument, fmt::format("format '{}' is no picture format", option->second)};
    }
  }
  ipc::Opened opened;
  opened.modes = device.modes();
  auto choice = choose_mode(opened.modes, request_.wanted_size, request_.wanted_fps_milli, wanted_format);
  if (!choice) return Error{choice.error().code, fmt::format("{}: {}", device.name().path, choice.error().message)};
  // A capture card gives what its source sends, unless somebody asked for its scaler.
  if (*source_size && request_.wanted_size.empty()) choice->mode.size = **source_size;
  auto configured = device.configure(choice->mode);
  if (!configured) return configured.error();
  layout_ = configured->layout;
  opened.mode = configured->mode;
  opened.mode_note = choice->note;
  if (opened.mode != choice->mode && choice->mode.fps_milli != 0) {
    opened.mode_note += fmt::format("{}the device took {} {:g} fps", opened.mode_note.empty() ? "" : "; ",
                                    to_string(opened.mode.size), opened.mode.fps_milli / 1000.0);
  }
  const DeviceName& name = device.name();
  opened.make = name.manufacturer;
  opened.model = name.card;
  opened.serial = name.serial;
  opened.identity = name.serial.empty() ? "v4l2:bus=" + name.bus : "v4l2:serial=" + name.serial;
  opened.controls = session.controls.read();
  metadata_ = session.controls.metadata();
  last_driver_sequence_.reset();
  check_ = PictureCheck();  // the parameter sets of another mode are none of this one's
  return opened;
}

// One by one: a value that this device doesn't take (any more) must not keep the others from it. The schema is read as
// seldom as can be: it costs requests over USB, and the first picture waits for them.
void V4l2Camera::apply_wanted_controls(Session& session) {
  ControlValues wanted = request_.controls;
  if (wanted.empty()) return;
  auto schema = session.controls.read();
  switch_off_autos(schema, wanted);
  const auto errors_of = [&](const ControlValues& one) {
    auto errors = check_controls(schema, one);
    if (!errors.empty()) {  // what was set before may have freed it
      schema = session.controls.read();
      errors = check_controls(schema, one);
    }
    return errors.empty() ? session.controls.set(one).errors : errors;
  };
  const auto apply = [&](bool only_drivers_of_others) {
    for (const auto& [name, value] : wanted) {
      const Control* control = find_control(schema, name);
      if (control && control->auto_partner.empty() != only_drivers_of_others) continue;
      const auto errors = errors_of({{name, value}});
      // Held by an automatic that was switched on after it: nothing to report.
      if (!errors.empty() && errors.front().type != "unavailable") {
        log_.warning(session.device->name().path, "not applied: {}", errors.front().message);
      }
    }
  };
  apply(true);
  schema = session.controls.read();  // with what the automatics hold now
  apply(false);
}

void V4l2Camera::subscribe_source_changes(const Device& device) {
  v4l2_event_subscription subscription{};
  subscription.type = V4L2_EVENT_SOURCE_CHANGE;
  kernel_.ioctl(device.fd(), VIDIOC_SUBSCRIBE_EVENT, &subscription);  // cameras don't have it
}

Result<void> V4l2Camera::run(FrameSink& sink, const StopSignal& stop) {
  const auto session = this->session();
  std::optional<BufferQueue> queue;
  while (!stop.raised()) {
    const bool capture = !request_.capture_on_demand || sink.wanted();
    if (capture && !queue) {
      auto started = BufferQueue::start(*session->device, layout_);
      if (!started) return started.error();
      queue.emplace(std::move(*started));
      last_driver_sequence_.reset();
    } else if (!capture) {
      queue.reset();
    }
    const auto wake = wait(*session, sink, stop, queue.has_value());
    if (!wake) return wake.error();
    switch (*wake) {
      case Wake::idle: break;
      case Wake::frame:
        if (auto taken = take_frames(*queue, *session, sink); !taken) return taken;
        break;
      case Wake::source_changed: {
        queue.reset();
        auto opened = configure(*session);
        if (!opened) return opened.error();
        sink.opened(*opened);
        break;
      }
    }
  }
  return {};
}

Result<V4l2Camera::Wake> V4l2Camera::wait(Session& session, FrameSink& sink, const StopSignal& stop, bool capturing) {
  const short device_events = static_cast<short>(POLLPRI | (capturing ? POLLIN : 0));
  std::array<pollfd, 3> fds{pollfd{session.device->fd(), device_events, 0}, pollfd{stop.fd(), POLLIN, 0},
                            pollfd{request_.capture_on_demand ? sink.wanted_fd() : -1, POLLIN, 0}};
  // Frames that stop coming are the supervisor's business; the deadline only bounds the sleep.
  if (kernel_.poll(fds, clock_.now() + 60s) < 0 && errno != EINTR) return session.device->failure("waiting for a frame");
  if (fds[2].revents) sink.clear_wanted_event();
  if (fds[0].revents & POLLPRI && read_events(session, sink) == Wake::source_changed) return Wake::source_changed;
  if (capturing && fds[0].revents & (POLLIN | POLLERR | POLLHUP)) return Wake::frame;
  if (!capturing && fds[0].revents & POLLHUP) return Error{ErrorCode::not_found, session.device->name().path + ": unplugged"};
  return Wake::idle;
}

V4l2Camera::Wake V4l2Camera::read_events(Session& session, FrameSink& sink) {
  bool controls_changed = false;
  v4l2_event event{};
  while (kernel_.ioctl(session.device->fd(), VIDIOC_DQEVENT, &event) == 0) {
    if (event.type == V4L2_EVENT_SOURCE_CHANGE && event.u.src_change.changes & V4L2_EVENT_SRC_CH_RESOLUTION) {
      return Wake::source_changed;
    }
    controls_changed |= event.type == V4L2_EVENT_CTRL;
  }
  if (controls_changed) {
    sink.controls_changed(session.controls.read());
    metadata_ = session.controls.metadata();
  }
  return Wake::idle;
}

Result<void> V4l2Camera::take_frames(BufferQueue& queue, Session& session, FrameSink& sink) {
  bool any = false;
  for (;;) {
    auto dequeued = queue.dequeue();
    if (!dequeued) return dequeued.error();
    if (!*dequeued) break;
    any = true;
    Frame& frame = (*dequeued)->frame;
    count_gap(sink, (*dequeued)->driver_sequence);
    frame.sequence = next_sequence_++;
    frame.metadata = metadata_;
    if ((*dequeued)->damaged) {
      sink.count_dropped(1);
    } else if (auto whole = check_.complete(frame); !whole) {
      log_.limited(LogLevel::warning, session.device->name().path, "frame dropped: " + whole.error().message);
      sink.count_dropped(1);
    } else if (sink.wanted() || is_inter_coded(frame.format)) {
      sink.deliver(std::move(frame));
    } else {
      sink.note_metadata(metadata_);
      sink.count_frame(frame.sequence, frame.capture_time);
    }
  }
  // poll() said error and there was no frame: the queue is broken (all buffers back with errors, USB trouble).
  if (!any) return check_.note_empty_wake_up(session.device->name().path);
  return {};
}

void V4l2Camera::count_gap(FrameSink& sink, uint32_t driver_sequence) {
  if (last_driver_sequence_) {
    const uint32_t step = driver_sequence - *last_driver_sequence_;  // wraps as the kernel's counter does
    // A counter that jumps back or far ahead was reset; only a plain gap means lost frames.
    if (step > 1 && step < 10'000) {
      sink.count_dropped(step - 1);
      next_sequence_ += step - 1;
    }
  }
  last_driver_sequence_ = driver_sequence;
}

bool V4l2Camera::wait_for_device(const CameraRequest& request, const StopSignal& stop) {
  {
    MutexLock lock(mutex_);
    session_.reset();
  }
  const int events = kernel_.open_device_events();
  if (events < 0) return false;
  bool back = false;
  while (!stop.raised() && !back) {
    // Looked for after each event, and once before the first: it may have come while nobody listened.
    const auto path = resolve_device(kernel_, request.source.rest);
    back = path && !identify(kernel_, *path).path.empty();
    if (back) break;
    std::array<pollfd, 2> fds{pollfd{events, POLLIN, 0}, pollfd{stop.fd(), POLLIN, 0}};
    kernel_.poll(fds, clock_.now() + 60s);
    if (fds[0].revents) kernel_.read_device_events(events);
  }
  kernel_.close(events);
  return back;
}

std::vector<Control> V4l2Camera::controls() const {
  const auto session = this->session();
  return session ? session->controls.read() : std::vector<Control>();
}

ControlOutcome V4l2Camera::set_controls(const ControlValues& wanted) {
  const auto session = this->session();
  if (session) return session->controls.set(wanted);
  ControlOutcome outcome;
  for (const auto& [name, value] : wanted) outcome.errors.push_back({name, "the camera is unplugged", "unavailable"});
  return outcome;
}

Result<void> V4l2Camera::reset_controls() {
  const auto session = this->session();
  if (!session) return Error{ErrorCode::unavailable, "the camera is unplugged"};
  return session->controls.reset();
}

FoundCamera describe(Kernel& kernel, const DeviceName& name) {
  FoundCamera found;
  found.source = name.serial.empty() ? (name.bus.empty() ? "v4l2:" + name.path : "v4l2:bus=" + name.bus)
                                     : "v4l2:serial=" + name.serial;
  found.make = name.manufacturer;
  found.model = name.card;
  found.serial = name.serial;
  found.devices = {name.path};
  auto device = Device::open(kernel, name.path);
  if (!device) {
    found.problem = device.error().message;
    return found;
  }
  found.modes = (*device)->modes();
  found.controls = DeviceControls(**device).read();
  if (found.modes.empty()) found.problem = name.path + ": gives no picture format that this driver knows";
  if (auto users = kernel.users_of(name.path); !users.empty()) {
    found.problem = fmt::format("{}: in use by {}", name.path, fmt::join(users, ", "));
  }
  return found;
}

// Of a device that can't be opened: a camera's node for metadata is none, and nobody needs rights to it. udev knows; where
// there is none, as in a container, the nodes of a UVC camera come in pairs: pictures even, their metadata odd.
bool may_capture(Kernel& kernel, const std::string& path) {
  const std::string capabilities = kernel.udev_property(path, "ID_V4L_CAPABILITIES");
  if (!capabilities.empty()) return capabilities.find(":capture:") != std::string::npos;
  constexpr std::string_view usb_video_class = "0e";
  if (kernel.attribute(path, "device/bInterfaceClass") != usb_video_class) return true;
  const std::string index = kernel.attribute(path, "index");
  return index.empty() || (index.back() - '0') % 2 == 0;
}

// Parts of a camera module's pipeline: the receiver of its raw data, and the image processor.
bool is_libcameras(const DeviceName& name) {
  constexpr std::array<std::string_view, 6> drivers{"rp1-cfe", "unicam", "pispbe", "bcm2835-isp", "rkisp1", "ipu3-cio2"};
  return std::ranges::find(drivers, name.driver) != drivers.end();
}

// One line for each receiver or processor, however many nodes it has.
std::vector<FoundCamera> describe_libcameras(const std::vector<DeviceName>& names) {
  std::vector<FoundCamera> found;
  for (const DeviceName& name : names) {
    const std::string source = name.bus.empty() ? "v4l2:" + name.path : "v4l2:bus=" + name.bus;
    const auto known = std::ranges::find(found, source, &FoundCamera::source);
    if (known != found.end()) {
      known->devices.push_back(name.path);
      continue;
    }
    found.push_back({.source = source, .model = name.driver, .devices = {name.path}});
  }
  for (FoundCamera& camera : found) {
    camera.problem = fmt::format("{}: part of a camera module, which libcamera: offers as a whole{}", fmt::join(camera.devices, " "),
                                 camera.model == "unicam" || camera.model == "rp1-cfe" ? " (an HDMI bridge behind it: write its path as source)" : "");
  }
  return found;
}

}  // namespace

std::unique_ptr<Camera> make_camera(Kernel& kernel, const Clock& clock, Log& log) {
  return std::make_unique<V4l2Camera>(kernel, clock, log);
}

Result<std::vector<FoundCamera>> list_cameras(Kernel& kernel) {
  std::vector<DeviceName> names, libcameras;
  std::vector<FoundCamera> cameras;
  for (const std::string& path : kernel.video_devices()) {
    DeviceName name = identify(kernel, path);
    if (!name.path.empty()) {
      (is_libcameras(name) ? libcameras : names).push_back(std::move(name));
    } else if (auto device = Device::open(kernel, path);
               !device && device.error().code != ErrorCode::unsupported && may_capture(kernel, path)) {
      cameras.push_back({.source = "v4l2:" + path, .problem = device.error().message, .devices = {path}});
    }
  }
  for (DeviceName& name : names) {
    // A serial or bus that two nodes share names neither.
    const auto same = [&](auto member) { return std::ranges::count(names, name.*member, member) > 1; };
    DeviceName shown = name;
    if (same(&DeviceName::serial)) shown.serial.clear();
    if (same(&DeviceName::bus)) shown.bus.clear();
    cameras.push_back(describe(kernel, shown));
    cameras.back().serial = name.serial;
  }
  std::ranges::move(describe_libcameras(libcameras), std::back_inserter(cameras));
  return cameras;
}

}  // namespace camweave::v4l2
