// A push's connection: from start() over the dialog with the target to stop(), and what happens when it breaks. Its
// frames are in push_frames.cpp.
#include "sink/publish/push.h"

#include <fmt/format.h>

#include <algorithm>

#include "sink/publish/push_timer.h"

namespace camweave {

using namespace std::chrono_literals;

namespace {
constexpr auto tick = 250ms;  // how exactly deadlines are kept while there is a connection
constexpr auto farewell_patience = 1s;
}  // namespace

const char* to_string(PushState state) {
  switch (state) {
    case PushState::stopped:
      return "stopped";
    case PushState::connecting:
      return "connecting";
    case PushState::waiting_for_camera:
      return "waiting_for_camera";
    case PushState::streaming:
      return "streaming";
    case PushState::retrying:
      return "retrying";
  }
  return "";
}

std::shared_ptr<Push> Push::create(IoLoop& loop, PushParts parts, PushOptions options) {
  return std::shared_ptr<Push>(new Push(loop, std::move(parts), std::move(options)), [](Push* ended) {
    if (ended->loop_.is_current_thread()) {
      delete ended;
    } else {
      ended->loop_.post([owned = std::shared_ptr<Push>(ended)] {});
    }
  });
}

Push::Push(IoLoop& loop, PushParts parts, PushOptions options)
    : loop_(loop),
      parts_(std::move(parts)),
      options_(std::move(options)),
      retry_(parts_.chance),
      timer_(std::make_unique<Timer>(loop)),
      rendition_(options_.rendition) {
  set_state(PushState::stopped);
}

Push::~Push() { drop_connection(); }

void Push::start() {
  if (is_on_.exchange(true)) return;
  loop_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    // While the old session still ends, finish_stop() goes on.
    if (!self || !self->is_on_ || self->is_stopping_ || self->status().state != PushState::stopped) return;
    self->retry_.forget();
    self->redirects_ = 0;
    self->begin(self->options_.target);
  });
}

void Push::stop(std::function<void()> done) {
  is_on_ = false;
  loop_.post([self = shared_from_this(), done = std::move(done)]() mutable {
    if (self->is_on_) {  // started again meanwhile
      if (done) done();
      return;
    }
    if (done) self->when_stopped_.push_back(std::move(done));
    if (self->is_stopping_) return;
    self->is_stopping_ = true;
    self->subscription_.reset();
    self->cursor_.reset();
    self->frame_.reset();
    if (!self->stream_ || !self->dialog_ || !self->dialog_->has_session()) return self->finish_stop();
    self->stream_->send_control(self->dialog_->teardown());
    self->due_ = self->loop_.now() + farewell_patience;
  });
}

void Push::finish_stop() {
  drop_connection();
  source_.reset();
  timer_->timer.cancel();
  is_stopping_ = false;
  set_state(PushState::stopped);
  for (auto& done : std::exchange(when_stopped_, {})) done();
  if (is_on_) begin(options_.target);
}

PushStatus Push::status() const {
  MutexLock lock(mutex_);
  return status_;
}

void Push::set_state(PushState state) {
  MutexLock lock(mutex_);
  if (status_.since.count() == 0 || status_.state != state) status_.since = loop_.clock().wall_now();
  status_.state = state;
  if (state != PushState::retrying) status_.next_retry.reset();
}

// ---- The dialog ----

void Push::begin(const rtsp::RtspUrl& target) {
  ++attempt_;
  set_state(PushState::connecting);
  dialog_.emplace(target);
  reader_.emplace();
  due_ = loop_.now() + options_.patience;
  OutboundOptions to{.host = target.host,
                     .port = target.port,
                     .tls = target.tls,
                     .ca_file = options_.ca_file,
                     .check_certificate = options_.check_certificate};
  stream_ = OutboundStream::connect(loop_, std::move(to), *this);
  tick_in(tick);
}

void Push::on_connected() { say(dialog_->begin()); }

void Push::say(const std::string& bytes) {
  stream_->send_control(bytes);
  due_ = loop_.now() + options_.patience;
}

void Push::on_bytes(std::span<const std::byte> bytes) {
  const auto keep = shared_from_this();
  const uint64_t mine = attempt_;
  reader_->feed(bytes);
  while (stream_ && attempt_ == mine && take_message()) {
  }
}

// False: there is no whole one, or it was the last.
bool Push::take_message() {
  auto event = reader_->next();
  if (!event) {
    fail({ErrorCode::protocol, "the target sent no RTSP: " + event.error().message});
    return false;
  }
  switch (event->kind) {
    case rtsp::MessageReader::Kind::need_more:
      return false;
    case rtsp::MessageReader::Kind::interleaved:
      return true;  // its receiver reports
    case rtsp::MessageReader::Kind::request:
      stream_->send_control(RecordDialog::answer(event->request));
      return true;
    case rtsp::MessageReader::Kind::response:
      break;
  }
  auto step = dialog_->on_response(event->response);
  if (!step) {
    fail(step.error());
    return false;
  }
  if (!dialog_->is_waiting() && !is_stopping_ && !waits_for_camera_) due_.reset();
  follow(*std::move(step));
  return true;
}

void Push::follow(RecordDialog::Step step) {
  using Kind = RecordDialog::Step::Kind;
  switch (step.kind) {
    case Kind::nothing:
      return;
    case Kind::send:
      return say(step.bytes);
    case Kind::describe:
      return open_camera();
    case Kind::recording:
      return begin_recording();
    case Kind::ended:
      return finish_stop();
    case Kind::redirect:
      break;
  }
  if (++redirects_ > most_redirects) return fail({ErrorCode::protocol, "the target redirects in circles"});
  drop_connection();
  begin(step.target);
}

void Push::on_ended(Error why) { fail(why); }

void Push::fail(const Error& why) {
  const auto keep = shared_from_this();
  drop_connection();
  source_.reset();
  if (is_stopping_) return finish_stop();
  redirects_ = 0;
  const Timestamp now = loop_.now();
  const auto delay = retry_.failed(now);
  if (std::exchange(logged_error_, why.message) != why.message) {
    parts_.log.warning(subject(), "{}: {}; trying again", options_.target.redacted, why.message);
  }
  set_state(PushState::retrying);
  {
    MutexLock lock(mutex_);
    status_.last_error = why.message;
    status_.next_retry = now + delay;
  }
  tick_in(delay);
}

void Push::drop_connection() {
  ++attempt_;
  if (stream_) stream_->close();
  stream_.reset();
  dialog_.reset();
  reader_.reset();
  due_.reset();
  waits_for_camera_ = false;
  subscription_.reset();
  cursor_.reset();
  frame_.reset();
  last_sent_.reset();
  packets_sent_ = octets_sent_ = 0;
}

// ---- The camera ----

void Push::open_camera() {
  if (!source_) {
    camera_ = options_.camera.empty() ? parts_.default_camera() : options_.camera;
    auto stream = parts_.cameras.open(camera_, rendition_);
    if (!stream) return fail(stream.error());
    source_ = parts_.sources->of(*stream);
  }
  waits_for_camera_ = true;
  due_ = loop_.now() + options_.camera_patience;
  source_->describe(
      [weak = weak_from_this(), &loop = loop_, source = source_.get()](const Result<RtspDescription>& description) {
        loop.post([weak, source, description] {
          const auto self = weak.lock();
          if (self && self->source_.get() == source) self->on_description(description);
        });
      });
}

void Push::on_description(const Result<RtspDescription>& description) {
  if (is_stopping_) return;
  if (!description) {
    if (!encode_instead(description.error()))
      fail({description.error().code, "camera " + camera_ + ": " + description.error().message});
    return;
  }
  if (!stream_) return begin(options_.target);  // the target was let go until the camera would be there
  if (!std::exchange(waits_for_camera_, false)) return;
  announce(*description);
}

// A camera's own JPEG that RTP can't carry is asked for once more, encoded by us.
bool Push::encode_instead(const Error& why) {
  const auto camera = parts_.cameras.find(camera_);
  if (why.code != ErrorCode::unsupported || rendition_.codec != Codec::jpeg || rendition_.quality || !camera)
    return false;
  rendition_ = encoded_for_rtp(rendition_, camera->mode.size);
  source_.reset();
  if (stream_) open_camera();
  return true;
}

void Push::announce(const RtspDescription& description) {
  announced_size_ = description.size;
  say(dialog_->announce(sdp::serialize({.session_name = camera_,
                                        .address = "0.0.0.0",
                                        .codec = description.codec,
                                        .payload_type = description.payload_type,
                                        .fps_milli = description.fps_milli,
                                        .size = description.size,
                                        .sets = description.sets,
                                        .is_announced = true,
                                        .control = std::string(RecordDialog::track)})));
}

// ---- Time ----

void Push::tick_in(std::chrono::nanoseconds time) {
  timer_->timer.expires_after(time);
  timer_->timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->on_tick();
  });
}

void Push::on_tick() {
  const Timestamp now = loop_.now();
  if (!stream_) {
    if (is_on_ && status().state == PushState::retrying) begin(options_.target);
    return;
  }
  check_connection(now);
  if (stream_ && cursor_) check_pictures(now);
  if (stream_) tick_in(std::min<std::chrono::nanoseconds>(tick, options_.patience / 4));
}

void Push::check_connection(Timestamp now) {
  if (due_ && now >= *due_) {
    if (is_stopping_) return finish_stop();
    if (waits_for_camera_) {
      // Nothing to announce yet. The camera stays open; its first picture begins a new attempt.
      drop_connection();
      return set_state(PushState::waiting_for_camera);
    }
    // Some targets know no keep-alive: while they take pictures they are there.
    if (cursor_ && now - last_sent_at_ < options_.patience && stream_->idle()) {
      dialog_->stop_waiting();
      return due_.reset();
    }
    const std::string what =
        dialog_->is_waiting() ? fmt::format("no answer to {}", dialog_->pending_method()) : "no connection";
    return fail({ErrorCode::timeout,
                 fmt::format("{} within {:.3g} s", what, std::chrono::duration<double>(options_.patience).count())});
  }
  // A frame that was refused is offered again and again: what counts is when the last one was taken.
  const bool is_stuck = cursor_ && (frame_ || !stream_->idle());
  if (is_stuck && now - (frame_ ? last_sent_at_ : stream_->last_progress()) > options_.patience) {
    return fail({ErrorCode::timeout, "the target stopped reading"});
  }
  if (cursor_ && now >= next_keep_alive_ && !dialog_->is_waiting()) {
    next_keep_alive_ = now + std::min<std::chrono::nanoseconds>(dialog_->time_out() / 2, 30s);
    say(dialog_->keep_alive());
  }
}

}  // namespace camweave
