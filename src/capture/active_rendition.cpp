#include "capture/active_rendition.h"

#include <fmt/format.h>
#include <pthread.h>

namespace camweave {
namespace {

bool is_format_of(PixelFormat format, Codec codec) {
  switch (codec) {
    case Codec::jpeg:
      return format == PixelFormat::jpeg;
    case Codec::h264:
      return format == PixelFormat::h264;
    case Codec::h265:
      return format == PixelFormat::h265;
  }
  return false;
}

// A rendition is never above its source, so a size that the source doesn't exceed either way leaves it as it is.
bool leaves_size(Size wanted, Size source) {
  return wanted.empty() || (wanted.width >= source.width && wanted.height >= source.height);
}

}  // namespace

ActiveRendition::ActiveRendition(const ipc::WantedRendition& wanted, WorkerLink& link,
                                 const EncoderFactory& make_encoder)
    : id_(wanted.id),
      rendition_(wanted.rendition),
      link_(link),
      make_encoder_(make_encoder),
      pacer_(wanted.rendition.fps_milli),
      pass_writer_(link),
      encode_writer_(link),
      bitrate_kbps_(wanted.rendition.bitrate_kbps),
      wanted_bitrate_kbps_(wanted.rendition.bitrate_kbps) {}

ActiveRendition::~ActiveRendition() {
  mailbox_.close();
  if (thread_.joinable()) thread_.join();
}

// A camera's own JPEG or H.264. Intra-only packets can be left out one by one for a lower rate, inter-coded ones can't.
bool ActiveRendition::passes_through(const CapturedFrame& frame) const {
  if (!is_format_of(frame.source_format(), rendition_.codec) || rendition_.rotation != 0) return false;
  if (!leaves_size(rendition_.size, frame.frame.size)) return false;
  if (rendition_.codec == Codec::jpeg) return rendition_.quality == 0;
  return rendition_.fps_milli == 0 || rendition_.fps_milli >= frame.source_fps_milli;
}

void ActiveRendition::offer(const CapturedFrame& frame) {
  if (failed_) return;
  if (passes_through(frame)) {
    if (frame.decoded_from) return;  // its packet was passed
    const bool wanted_now =
        rendition_.codec != Codec::jpeg || pacer_.take(frame.frame.capture_time, frame.source_fps_milli);
    if (wanted_now) pass(frame);
    return;
  }
  if (is_inter_coded(frame.frame.format)) return;  // it will come decoded
  if (!pacer_.take(frame.frame.capture_time, frame.source_fps_milli)) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { encode_frames(); });
  if (!mailbox_.put(frame)) ++link_.counters().dropped;
}

void ActiveRendition::pass(const CapturedFrame& frame) {
  if (waits_for_keyframe_ && !frame.frame.keyframe) return;
  if (const auto passed = pass_writer_.pass(frame, {.rendition_id = id_}); !passed) {
    waits_for_keyframe_ = true;
    return drop(passed.error());
  }
  waits_for_keyframe_ = false;
  encoder_name_ = ipc::pass_through;
}

void ActiveRendition::encode_frames() {
  ::pthread_setname_np(::pthread_self(), fmt::format("rendition-{}", id_).substr(0, 15).c_str());
  while (auto frame = mailbox_.take()) {
    encode(*frame);
    if (failed_) return;
  }
}

bool ActiveRendition::make_encoder_for(const CapturedFrame& captured) {
  const Frame& frame = captured.frame;
  if (encoder_ && encoder_format_ == frame.format && encoder_source_ == frame.size) return true;
  Rendition concrete = rendition_;  // rate control wants to know the rate that will come
  if (!concrete.fps_milli || (captured.source_fps_milli && concrete.fps_milli > captured.source_fps_milli)) {
    concrete.fps_milli = captured.source_fps_milli;
  }
  auto made = make_encoder_(concrete, frame);
  if (!made) {
    fail(made.error());
    return false;
  }
  encoder_ = *std::move(made);
  encoder_name_ = encoder_->name();
  encoder_format_ = frame.format;
  encoder_source_ = frame.size;
  bitrate_kbps_ = rendition_.bitrate_kbps;
  return true;
}

void ActiveRendition::fail(const Error& why) {
  if (failed_.exchange(true)) return;
  link_.log().warning("", "rendition {}: {}", to_string(rendition_), why.message);
  link_.send(ipc::RenditionFailed{id_, why.message});
}

void ActiveRendition::encode(const CapturedFrame& frame) {
  if (!make_encoder_for(frame)) return;
  if (const int wanted = wanted_bitrate_kbps_; wanted != bitrate_kbps_) {
    bitrate_kbps_ = wanted;
    if (const auto set = encoder_->set_bitrate(wanted); !set) {
      link_.log().warning("", "rendition {}: {} kbit/s: {}", to_string(rendition_), wanted, set.error().message);
    }
  }
  if (keyframe_requested_.exchange(false)) encoder_->request_keyframe();
  const auto encoded = encode_writer_.encode(frame, rendition_.codec, *encoder_, {.rendition_id = id_});
  if (!encoded) drop(encoded.error());
}

void ActiveRendition::drop(const Error& why) {
  ++link_.counters().dropped;
  link_.log().limited(LogLevel::warning, "",
                      fmt::format("rendition {}: frame dropped: {}", to_string(rendition_), why.message));
}

}  // namespace camweave
