#include "capture/libcamera/system/library_device.h"

#include <fmt/format.h>
#include <libcamera/control_ids.h>

#include <cerrno>

#include "capture/libcamera/system/compat.h"
#include "capture/libcamera/system/values.h"

namespace camweave::libcam {
namespace {

using libcamera::StreamRole;

Size from_library(libcamera::Size size) { return {static_cast<int>(size.width), static_cast<int>(size.height)}; }

bool is_yuv(PixelFormat format) {
  switch (format) {
    case PixelFormat::yuyv:
    case PixelFormat::uyvy:
    case PixelFormat::nv12:
    case PixelFormat::i420:
      return true;
    default:
      return false;
  }
}

libcamera::Transform transform_of(const Turn& turn) {
  libcamera::Transform flips = libcamera::Transform::Identity;
  if (turn.flip_h) flips |= libcamera::Transform::HFlip;
  if (turn.flip_v) flips |= libcamera::Transform::VFlip;
  return libcamera::transformFromRotation(turn.rotation) * flips;  // the right one is done first
}

std::unique_ptr<libcamera::CameraConfiguration> generate(libcamera::Camera& camera, StreamUse use) {
  if (use == StreamUse::still) return camera.generateConfiguration({StreamRole::StillCapture});
  auto configuration = camera.generateConfiguration({StreamRole::VideoRecording});
  if (!configuration || configuration->empty()) configuration = camera.generateConfiguration({StreamRole::Viewfinder});
  return configuration;
}

StreamOffer offer_of(PixelFormat ours, const libcamera::StreamFormats& formats, libcamera::PixelFormat theirs) {
  StreamOffer offer{ours, {}, {}, {}};
  const libcamera::SizeRange range = formats.range(theirs);
  if (range.hStep != 0 && range.min != range.max) {
    offer.smallest = from_library(range.min);
    offer.largest = from_library(range.max);
  } else {
    for (const libcamera::Size& size : formats.sizes(theirs)) offer.sizes.push_back(from_library(size));
  }
  return offer;
}

bool is_full_range(PixelFormat format, const libcamera::StreamConfiguration& stream) {
  if (!is_yuv(format)) return true;
  // Unsaid, YUV has video's levels.
  return stream.colorSpace && stream.colorSpace->range == libcamera::ColorSpace::Range::Full;
}

}  // namespace

Result<std::unique_ptr<CameraDevice>> LibraryDevice::take(std::shared_ptr<libcamera::Camera> camera, CameraName name,
                                                          std::function<void()> on_gone) {
  const int result = camera->acquire();
  if (result == -EBUSY) {
    return Error{ErrorCode::busy, name.id + ": in use by another program (fuser -v /dev/media* names it)"};
  }
  if (result < 0) return system_error(name.id + ": taking the camera", -result);
  return std::unique_ptr<CameraDevice>(new LibraryDevice(std::move(camera), std::move(name), std::move(on_gone)));
}

LibraryDevice::LibraryDevice(std::shared_ptr<libcamera::Camera> camera, CameraName name, std::function<void()> on_gone)
    : camera_(std::move(camera)), name_(std::move(name)), on_gone_(std::move(on_gone)), allocator_(camera_) {
  camera_->requestCompleted.connect(this, &LibraryDevice::on_completed);
  camera_->disconnected.connect(this, &LibraryDevice::on_disconnected);
}

LibraryDevice::~LibraryDevice() {
  stop();
  free_buffers();
  camera_->requestCompleted.disconnect(this);
  camera_->disconnected.disconnect(this);
  camera_->release();
}

Error LibraryDevice::failure(const std::string& what, int result) const {
  if (gone_ || result == -ENODEV) return {ErrorCode::not_found, name_.id + ": unplugged"};
  return system_error(fmt::format("{}: {}", name_.id, what), -result);
}

std::vector<StreamOffer> LibraryDevice::offers(StreamUse use) {
  std::vector<StreamOffer> offers;
  const auto configuration = generate(*camera_, use);
  if (!configuration || configuration->empty()) return offers;
  const libcamera::StreamFormats& formats = configuration->at(0).formats();
  for (const libcamera::PixelFormat& theirs : formats.pixelformats()) {
    if (const auto ours = libcam::from_library(theirs)) offers.push_back(offer_of(*ours, formats, theirs));
  }
  return offers;
}

std::vector<DeviceControl> LibraryDevice::controls() const {
  std::vector<DeviceControl> controls;
  for (const auto& [id, info] : camera_->controls()) {
    if (compat::can_be_set(*id)) controls.push_back(describe(*id, info));
  }
  return controls;
}

Result<StreamTaken> LibraryDevice::configure(const StreamWish& wish) {
  auto configuration = generate(*camera_, wish.use);
  if (!configuration || configuration->empty())
    return Error{ErrorCode::unsupported, name_.id + ": offers no such stream"};
  libcamera::StreamConfiguration& stream = configuration->at(0);
  stream.pixelFormat = to_library(wish.format);
  stream.size = {static_cast<unsigned>(wish.size.width), static_cast<unsigned>(wish.size.height)};
  stream.bufferCount = wish.buffers;
  // JPEG's own levels: nothing to convert. A handler that names no colour space would leave ours standing without
  // heeding it.
  if (is_yuv(wish.format) && stream.colorSpace) stream.colorSpace = libcamera::ColorSpace::Sycc;
  const auto transform = transform_of(wish.turn);
  compat::set_transform(*configuration, transform);
  const auto wished = fmt::format("{} {}", to_string(wish.format), to_string(wish.size));
  if (configuration->validate() == libcamera::CameraConfiguration::Invalid) {
    return Error{ErrorCode::unsupported, fmt::format("{}: refuses {}", name_.id, wished)};
  }
  const auto format = libcam::from_library(stream.pixelFormat);
  if (!format) {
    return Error{ErrorCode::unsupported, fmt::format("{}: gives {} instead of {}, which is no format for us", name_.id,
                                                     stream.pixelFormat.toString(), wished)};
  }
  if (const int result = camera_->configure(configuration.get()); result < 0)
    return failure("setting " + wished, result);
  StreamTaken taken;
  taken.format = *format;
  taken.size = from_library(stream.size);
  taken.stride_bytes = stream.stride;
  taken.size_bytes = stream.frameSize;
  taken.full_range = is_full_range(*format, stream);
  taken.turned = compat::has_transform(*configuration, transform);
  stream_ = stream.stream();
  configuration_ = std::move(configuration);
  control_ids_.clear();
  for (const auto& [id, info] : camera_->controls()) control_ids_.emplace(id->name(), id);
  return taken;
}

Result<std::vector<BufferMemory>> LibraryDevice::allocate() {
  if (const int result = allocator_.allocate(stream_); result < 0)
    return failure("allocating buffers (enough CMA memory?)", result);
  std::vector<BufferMemory> buffers;
  for (const auto& buffer : allocator_.buffers(stream_)) {
    BufferMemory memory;
    for (const auto& plane : buffer->planes()) {
      const size_t offset = plane.offset == libcamera::FrameBuffer::Plane::kInvalidOffset ? 0 : plane.offset;
      memory.push_back({plane.fd.get(), offset, plane.length});
    }
    auto request = camera_->createRequest(buffers.size());
    if (!request || request->addBuffer(stream_, buffer.get()) < 0) return failure("making a request", -ENOMEM);
    requests_.push_back(std::move(request));
    buffers.push_back(std::move(memory));
  }
  return buffers;
}

void LibraryDevice::free_buffers() {
  requests_.clear();
  if (stream_ && allocator_.allocated()) allocator_.free(stream_);
}

Result<void> LibraryDevice::start(FrameListener& listener, const DeviceValues& controls) {
  listener_ = &listener;
  libcamera::ControlList initial(camera_->controls());
  put(controls, initial);
  if (const int result = camera_->start(&initial); result < 0) return failure("starting the camera", result);
  started_ = true;
  return {};
}

void LibraryDevice::stop() {
  if (!started_) return;
  started_ = false;
  camera_->stop();
  listener_ = nullptr;
}

Result<void> LibraryDevice::queue(size_t buffer, const DeviceValues& controls) {
  libcamera::Request& request = *requests_[buffer];
  request.reuse(libcamera::Request::ReuseBuffers);
  put(controls, request.controls());
  if (const int result = camera_->queueRequest(&request); result < 0) return failure("queueing a request", result);
  return {};
}

void LibraryDevice::put(const DeviceValues& values, libcamera::ControlList& into) const {
  for (const auto& [name, value] : values) {
    const auto id = control_ids_.find(name);
    if (id == control_ids_.end()) continue;
    if (const auto converted = to_library(*id->second, value)) into.set(id->second->id(), *converted);
  }
}

void LibraryDevice::on_disconnected() {
  if (!gone_.exchange(true)) on_gone_();
}

void LibraryDevice::on_completed(libcamera::Request* request) {
  FrameReport report;
  report.buffer = request->cookie();
  report.cancelled = request->status() != libcamera::Request::RequestComplete;
  if (const libcamera::FrameBuffer* buffer = request->findBuffer(stream_)) {
    const libcamera::FrameMetadata& frame = buffer->metadata();
    report.damaged = frame.status == libcamera::FrameMetadata::FrameError;
    report.sequence = frame.sequence;
    report.timestamp_ns = static_cast<int64_t>(frame.timestamp);
    size_t index = 0;
    for (const auto& plane : frame.planes()) {
      if (index < report.used_bytes.size()) report.used_bytes[index++] = plane.bytesused;
    }
  }
  namespace controls = libcamera::controls;
  const libcamera::ControlList& metadata = request->metadata();
  report.sensor_timestamp_ns = whole_in(metadata, controls::SensorTimestamp.id());
  report.exposure_us = number_in(metadata, controls::ExposureTime.id());
  report.analogue_gain = number_in(metadata, controls::AnalogueGain.id());
  report.digital_gain = number_in(metadata, controls::DigitalGain.id());
  report.colour_temperature_k = number_in(metadata, controls::ColourTemperature.id());
  report.lux = number_in(metadata, controls::Lux.id());
  report.lens_position = number_in(metadata, controls::LensPosition.id());
  if (listener_) listener_->completed(report);
}

}  // namespace camweave::libcam
