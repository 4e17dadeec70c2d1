#include "capture/exec/exec_camera.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>

#include "capture/captured_frame.h"
#include "capture/coded_frame.h"
#include "capture/decode/on_demand_decoder.h"
#include "capture/exec/child_process.h"
#include "capture/exec/command_words.h"
#include "capture/exec/line_reader.h"
#include "capture/exec/picture_stream.h"
#include "capture/jpeg_frame.h"
#include "capture/poll_until.h"

namespace camweave::exec {
namespace {

// A Raspberry Pi's camera program needs some seconds until its first picture.
constexpr auto first_picture_patience = std::chrono::seconds(20);
constexpr size_t read_bytes = 256 * 1024;
// How long a program that closed its output may take to exit before it is ended.
constexpr int exit_patience_ms = 500;

class ExecCamera final : public Camera {
 public:
  ExecCamera(const Clock& clock, Log& log) : clock_(clock), log_(log), buffer_(read_bytes) {}

  Result<ipc::Opened> open(const CameraRequest& request) override;
  Result<void> run(FrameSink& sink, const StopSignal& stop) override;
  std::vector<Control> controls() const override { return {}; }
  ControlOutcome set_controls(const ControlValues&) override { return {}; }
  Result<void> reset_controls() override { return {}; }

 private:
  enum class Output { more, ended };

  Error ended();
  Output read_output(FrameSink* sink);
  void read_errors();
  void say(const std::string& line);
  Result<void> wait(Timestamp deadline, FrameSink* sink, const StopSignal* stop);
  void take(const EncodedPiece& piece, FrameSink* sink);
  void take_jpeg(const EncodedPiece& piece, FrameSink* sink);
  void take_h264(const EncodedPiece& piece, FrameSink* sink);
  void decode_h264(const EncodedPiece& piece, FrameSink* sink);
  void emit(Frame frame, FrameSink* sink);
  void report_losses(FrameSink& sink);

  const Clock& clock_;
  Log& log_;
  std::string name_;  // of the program, for the log
  std::optional<ChildProcess> child_;
  std::vector<std::byte> buffer_;
  PictureStream pictures_;
  LineReader lines_;
  std::string last_line_;
  std::optional<OnDemandDecoder> decoder_;
  std::deque<Frame> early_;  // found while opening, delivered by run(): H.264 whole, of others the first alone
  Size size_{};              // of the newest picture
  ipc::Opened opened_;
  uint64_t sequence_ = 0;
  Timestamp unit_began_{};
  Timestamp last_time_{};
  uint64_t damaged_ = 0, reported_losses_ = 0, logged_skips_ = 0;
  std::optional<Error> failure_;
};

Result<ipc::Opened> ExecCamera::open(const CameraRequest& request) {
  auto words = split_command(request.source.rest);
  if (!words) return Error{words.error().code, "exec: " + words.error().message};
  name_ = words->front().substr(words->front().rfind('/') + 1);
  sequence_ = request.first_sequence;
  pictures_ = {};
  decoder_.reset();
  early_.clear();
  failure_.reset();
  damaged_ = reported_losses_ = 0;
  child_.reset();
  auto child = ChildProcess::start(*words);
  if (!child) return Error{child.error().code, "exec: " + child.error().message};
  child_.emplace(*std::move(child));
  log_.info(name_, "started: {}", redact_url(join_command(*words)));

  const Timestamp deadline = std::chrono::steady_clock::now() + first_picture_patience;
  while (early_.empty()) {
    auto waited = wait(deadline, nullptr, nullptr);
    if (!waited) {
      child_.reset();
      return waited.error();
    }
  }
  opened_ = {};
  opened_.model = name_;
  const Frame& first = early_.front();
  opened_.mode = {first.format, first.size, request.wanted_fps_milli};
  if (!request.wanted_size.empty() && request.wanted_size != first.size) {
    opened_.mode_note =
        fmt::format("{} instead of {}: the program decides", to_string(first.size), to_string(request.wanted_size));
  }
  opened_.modes = {opened_.mode};
  return opened_;
}

Result<void> ExecCamera::run(FrameSink& sink, const StopSignal& stop) {
  for (Frame& frame : std::exchange(early_, {})) emit(std::move(frame), &sink);
  report_losses(sink);  // of what came while it was opened
  while (!stop.raised()) {
    // The supervisor's stall detection is the deadline here; ours only has to be later.
    auto waited = wait(std::chrono::steady_clock::now() + std::chrono::hours(1), &sink, &stop);
    report_losses(sink);
    if (!waited) {
      child_.reset();
      return waited.error();
    }
  }
  child_.reset();
  return {};
}

// Waits for output once and takes what came.
Result<void> ExecCamera::wait(Timestamp deadline, FrameSink* sink, const StopSignal* stop) {
  std::array<pollfd, 3> fds{
      {{child_->output_fd(), POLLIN, 0}, {child_->errors_fd(), POLLIN, 0}, {stop ? stop->fd() : -1, POLLIN, 0}}};
  if (!poll_until(fds, deadline)) {
    const std::string how = child_->end();
    return Error{ErrorCode::timeout,
                 fmt::format("exec: {} gave no JPEG and no H.264 within {} s ({} bytes of something else){}", name_,
                             first_picture_patience.count(), pictures_.skipped_bytes(),
                             last_line_.empty() ? "" : ": " + last_line_)};
  }
  if (fds[1].revents) read_errors();
  if (fds[0].revents && read_output(sink) == Output::ended) return ended();
  if (failure_) return *failure_;
  return {};
}

Error ExecCamera::ended() {
  const std::string how = child_->wait_and_end(exit_patience_ms);
  read_errors();
  lines_.finish([&](const std::string& line) { say(line); });
  return Error{ErrorCode::io, fmt::format("exec: {} {}{}", name_, how, last_line_.empty() ? "" : ": " + last_line_)};
}

ExecCamera::Output ExecCamera::read_output(FrameSink* sink) {
  const ssize_t got = ::read(child_->output_fd(), buffer_.data(), buffer_.size());
  if (got == 0) return Output::ended;
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Output::more : Output::ended;
  if (unit_began_ == Timestamp{}) unit_began_ = clock_.now();
  pictures_.push(std::span(buffer_).first(static_cast<size_t>(got)),
                 [&](const EncodedPiece& piece) { take(piece, sink); });
  return Output::more;
}

void ExecCamera::read_errors() {
  char text[4096];
  for (ssize_t got; (got = ::read(child_->errors_fd(), text, sizeof text)) > 0;) {
    lines_.push({text, static_cast<size_t>(got)}, [&](const std::string& line) { say(line); });
  }
}

void ExecCamera::say(const std::string& line) {
  last_line_ = redact_url(line);
  log_.info(name_, "{}", last_line_);
}

void ExecCamera::take(const EncodedPiece& piece, FrameSink* sink) {
  if (piece.is_jpeg) {
    take_jpeg(piece, sink);
  } else {
    take_h264(piece, sink);
  }
  unit_began_ = clock_.now();
}

void ExecCamera::take_jpeg(const EncodedPiece& piece, FrameSink* sink) {
  const Timestamp time = clock_.now();
  if (sink && !sink->wanted()) return sink->count_frame(sequence_++, time);
  auto frame = make_jpeg_frame(piece.bytes, 0, time);
  if (frame) {
    emit(*std::move(frame), sink);
  } else {
    ++damaged_;
  }
}

// Passed on as it is where its pictures are shown in the order they come; the time of arrival is all that is known.
void ExecCamera::take_h264(const EncodedPiece& piece, FrameSink* sink) {
  if (piece.may_reorder) return decode_h264(piece, sink);
  if (early_.empty() && !sink && !piece.keyframe) return;
  last_time_ = std::max(last_time_, unit_began_);
  emit(make_coded_frame(PixelFormat::h264, piece.bytes, piece.size, piece.keyframe, last_time_), sink);
}

void ExecCamera::decode_h264(const EncodedPiece& piece, FrameSink* sink) {
  if (!decoder_) {
    auto decoder = VideoDecoder::create_live(AV_CODEC_ID_H264);
    if (!decoder) {
      failure_ = decoder.error();
      return;
    }
    decoder_.emplace(*std::move(decoder));
  }
  const auto packet = libav::make_packet(piece.bytes, piece.keyframe, to_nanoseconds(unit_began_));
  if (!packet) {
    ++damaged_;
    return;
  }
  const bool wanted = !sink || sink->wanted();
  const auto decoded = decoder_->push(*packet, wanted, [&](VideoDecoder::Picture picture) {
    // Pictures out of order keep times in order.
    last_time_ = std::max(last_time_, picture.pts == AV_NOPTS_VALUE ? unit_began_ : from_nanoseconds(picture.pts));
    picture.frame.capture_time = last_time_;
    emit(std::move(picture.frame), sink);
  });
  if (!decoded) ++damaged_;
  if (!wanted) sink->count_frame(sequence_++, last_time_ = unit_began_);
}

void ExecCamera::emit(Frame frame, FrameSink* sink) {
  if (!sink) {  // opening: only the first picture matters, later ones are older news by the time run() begins
    if (early_.empty() || is_inter_coded(frame.format)) early_.push_back(std::move(frame));
    return;
  }
  if (frame.size != opened_.mode.size || frame.format != opened_.mode.format) {
    opened_.mode.size = frame.size;
    opened_.mode.format = frame.format;
    opened_.modes = {opened_.mode};
    sink->opened(opened_);
  }
  frame.sequence = sequence_++;
  sink->deliver(std::move(frame));
}

void ExecCamera::report_losses(FrameSink& sink) {
  const uint64_t losses = damaged_ + pictures_.torn_pictures();
  if (losses > reported_losses_) {
    sink.count_dropped(losses - reported_losses_);
    sequence_ += losses - reported_losses_;  // a gap says so to clients
    reported_losses_ = losses;
    log_.limited(LogLevel::warning, name_, "damaged pictures on its output are left out");
  }
  if (const uint64_t skipped = pictures_.skipped_bytes(); skipped > logged_skips_) {
    logged_skips_ = skipped;
    log_.limited(LogLevel::warning, name_, "bytes on its output that belong to no picture are skipped");
  }
}

}  // namespace

std::unique_ptr<Camera> make_camera(const Clock& clock, Log& log) { return std::make_unique<ExecCamera>(clock, log); }

}  // namespace camweave::exec
