#include "capture/file/file_camera.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "capture/captured_frame.h"
#include "capture/file/picture_source.h"
#include "capture/file/playback_clock.h"
#include "capture/file/playback_settings.h"
#include "capture/poll_until.h"

namespace camweave::file {
namespace {

constexpr int default_fps_milli = 25'000;
// So long a picture stands still at most before it is sent again, paused or ended.
constexpr std::chrono::nanoseconds longest_repeat = std::chrono::seconds(1);

// The name as written; where there is no such file, with its % escapes read ("clip%3F.mp4").
std::string path_of(const std::string& written) {
  std::error_code ignored;
  if (std::filesystem::exists(written, ignored)) return written;
  const auto decoded = percent_decode(written);
  return decoded && std::filesystem::exists(*decoded, ignored) ? *decoded : written;
}

Error unreadable(const std::string& shown, int error_number) {
  Error error = system_error(shown, error_number);
  if (error.code == ErrorCode::permission_denied)
    error.message += ": let the user that runs camweave read it, and enter the folders above it";
  return error;
}

Result<int> fps_milli_of(const CameraRequest& request) {
  const auto option = request.source.options.find("fps");
  if (option == request.source.options.end())
    return request.wanted_fps_milli > 0 ? request.wanted_fps_milli : default_fps_milli;
  char* end = nullptr;
  const double fps = std::strtod(option->second.c_str(), &end);
  if (option->second.empty() || *end != '\0' || !(fps >= 0.01 && fps <= 1000)) {
    return Error{ErrorCode::invalid_argument,
                 fmt::format("file: 'fps={}' is not a number from 0.01 to 1000", option->second)};
  }
  return static_cast<int>(std::lround(fps * 1000));
}

class FileCamera final : public Camera {
 public:
  FileCamera(const Clock& clock, Log& log) : clock_(clock), log_(log) {}

  Result<ipc::Opened> open(const CameraRequest& request) override;
  Result<void> run(FrameSink& sink, const StopSignal& stop) override;

  std::vector<Control> controls() const override { return settings_.schema(); }
  ControlOutcome set_controls(const ControlValues& wanted) override { return settings_.set(wanted); }
  Result<void> reset_controls() override {
    settings_.reset();
    return {};
  }

 private:
  Result<std::unique_ptr<PictureSource>> open_source(const CameraRequest& request);
  void apply(const ControlValues& wanted);
  Result<void> begin_again();
  Result<void> play_one(FrameSink& sink, const StopSignal& stop);
  Result<void> repeat_one(FrameSink& sink, const StopSignal& stop);
  void show(std::optional<Frame> frame, Timestamp due, FrameSink& sink);

  const Clock& clock_;
  Log& log_;
  PlaybackSettings settings_;

  // Driver thread.
  std::string path_;
  std::unique_ptr<PictureSource> source_;
  PlaybackClock playback_;
  ipc::Opened opened_;
  uint64_t sequence_ = 0;
  std::optional<Frame> last_;  // shown again while the file stands still
  bool passed_any_ = false;    // H.264 or H.265: those who want pixels have a decoder that holds the newest picture
  bool ended_ = false;         // at the end of the file, not to be looped
};

Result<ipc::Opened> FileCamera::open(const CameraRequest& request) {
  if (auto read = settings_.read_options(request.source.options); !read) return read.error();
  apply(request.controls);
  auto source = open_source(request);
  if (!source) return source.error();
  source_ = *std::move(source);
  playback_ = {};
  last_.reset();
  ended_ = passed_any_ = false;
  sequence_ = request.first_sequence;
  opened_ = {};
  opened_.model = std::filesystem::path(path_).filename().string();
  opened_.identity = "file:" + path_;
  opened_.mode = source_->mode();
  opened_.modes = {opened_.mode};
  opened_.controls = settings_.schema();
  if (!request.wanted_size.empty() && request.wanted_size != opened_.mode.size) {
    opened_.mode_note = fmt::format("{} instead of {}: the file's own size", to_string(opened_.mode.size),
                                    to_string(request.wanted_size));
  }
  return opened_;
}

Result<std::unique_ptr<PictureSource>> FileCamera::open_source(const CameraRequest& request) {
  const auto fps_milli = fps_milli_of(request);
  if (!fps_milli) return fps_milli.error();
  path_ = path_of(request.source.rest);
  const std::string shown = fmt::format("file '{}'", path_);
  if (path_.empty()) return Error{ErrorCode::invalid_argument, "file: no path is given, as in file:/srv/clip.mp4"};
  // stat says it plainly where FFmpeg has many words.
  std::error_code failed;
  const auto status = std::filesystem::status(path_, failed);
  if (!std::filesystem::exists(status)) return unreadable(shown, failed ? failed.value() : ENOENT);
  const bool is_folder = std::filesystem::is_directory(status);
  if (::access(path_.c_str(), is_folder ? R_OK | X_OK : R_OK) != 0) return unreadable(shown, errno);
  if (is_folder || is_picture_name(std::filesystem::path(path_).filename().string())) {
    return open_pictures(path_, shown, *fps_milli);
  }
  return open_video(path_, shown);
}

void FileCamera::apply(const ControlValues& wanted) {
  ControlValues good;
  for (const auto& [name, value] : wanted) {
    const auto errors = check_controls(settings_.schema(), {{name, value}});
    if (errors.empty()) {
      good[name] = value;
    } else {
      log_.warning("file", "{}", errors.front().message);
    }
  }
  settings_.set(good);
}

Result<void> FileCamera::run(FrameSink& sink, const StopSignal& stop) {
  while (!stop.raised()) {
    const auto values = settings_.values();
    if (settings_.take_restart() || (ended_ && values.loop)) {
      if (auto begun = begin_again(); !begun) return begun;
    }
    auto shown = values.paused || ended_ ? repeat_one(sink, stop) : play_one(sink, stop);
    if (!shown) return shown;
    if (const uint64_t damaged = source_->take_damaged()) {
      sink.count_dropped(damaged);
      sequence_ += damaged;  // a gap says so to clients
      log_.limited(LogLevel::warning, "file", fmt::format("'{}': damaged pictures are left out", path_));
    }
  }
  return {};
}

Result<void> FileCamera::begin_again() {
  ended_ = false;
  playback_.next_pass(source_->picture_length());
  return source_->rewind();
}

Result<void> FileCamera::play_one(FrameSink& sink, const StopSignal& stop) {
  auto picture = source_->next(sink.wanted());
  if (!picture) return picture.error();
  if (!*picture) {
    if (settings_.values().loop) return begin_again();
    ended_ = true;
    return {};
  }
  const Timestamp due = playback_.due((*picture)->time, settings_.values().speed, clock_.now());
  if (!stop.wait_until(due)) show(std::move((*picture)->frame), due, sink);
  return {};
}

Result<void> FileCamera::repeat_one(FrameSink& sink, const StopSignal& stop) {
  const auto gap = std::min(source_->picture_length(), longest_repeat);
  const Timestamp due = playback_.due_again(gap, clock_.now());
  if (stop.wait_until(due)) return {};
  if (is_inter_coded(opened_.mode.format) && passed_any_) {
    sink.repeat_picture(sequence_++, due);
  } else if (!sink.wanted()) {
    show(std::nullopt, due, sink);
  } else if (last_) {
    show(*last_, due, sink);
  } else {
    // Paused while nobody watched: somebody who comes now sees the next picture, and then that one.
    auto picture = source_->next(true);
    if (!picture) return picture.error();
    if (!*picture) return begin_again();
    show(std::move((*picture)->frame), due, sink);
  }
  return {};
}

void FileCamera::show(std::optional<Frame> frame, Timestamp due, FrameSink& sink) {
  if (!frame) {
    last_.reset();
    sink.count_frame(sequence_++, due);
    return;
  }
  if (frame->size != opened_.mode.size || frame->format != opened_.mode.format) {
    opened_.mode.size = frame->size;
    opened_.mode.format = frame->format;
    opened_.modes = {opened_.mode};
    sink.opened(opened_);
  }
  frame->sequence = sequence_++;
  frame->capture_time = due;
  passed_any_ = is_inter_coded(frame->format);
  if (!passed_any_) last_ = *frame;
  sink.deliver(*std::move(frame));
}

}  // namespace

std::unique_ptr<Camera> make_camera(const Clock& clock, Log& log) { return std::make_unique<FileCamera>(clock, log); }

}  // namespace camweave::file
