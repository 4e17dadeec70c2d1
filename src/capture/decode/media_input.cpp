#include "capture/decode/media_input.h"

#include <cmath>

namespace camweave {

int MediaInput::Interrupt::asked(void* self) {
  const auto& interrupt = *static_cast<const Interrupt*>(self);
  return (interrupt.stop && interrupt.stop->raised()) || std::chrono::steady_clock::now() > interrupt.deadline;
}

MediaInput::MediaInput(std::unique_ptr<Interrupt> interrupt, libav::InputOwner context, int video_index,
                       MediaAddress address)
    : interrupt_(std::move(interrupt)),
      context_(std::move(context)),
      video_index_(video_index),
      address_(std::move(address)) {}

Result<MediaInput> MediaInput::open(const MediaAddress& address) {
  av_log_set_level(AV_LOG_QUIET);  // its words go to stderr and may hold an address with a password
  avformat_network_init();
  auto interrupt = std::make_unique<Interrupt>();
  interrupt->deadline = std::chrono::steady_clock::now() + address.patience;
  AVFormatContext* context = avformat_alloc_context();
  if (!context) return Error{ErrorCode::exhausted, "no memory to open " + address.shown};
  context->interrupt_callback = {&Interrupt::asked, interrupt.get()};
  AVDictionary* options = nullptr;
  for (const auto& [name, value] : address.options) av_dict_set(&options, name.c_str(), value.c_str(), 0);
  const int opened = avformat_open_input(&context, address.url.c_str(), nullptr, &options);
  av_dict_free(&options);
  if (opened < 0) return libav::error(address.shown, opened);  // the context is freed already
  libav::InputOwner owner(context);
  if (const int found = avformat_find_stream_info(context, nullptr); found < 0)
    return libav::error(address.shown, found);
  const int video = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (video < 0) return Error{ErrorCode::protocol, address.shown + ": no video in it"};
  for (unsigned i = 0; i < context->nb_streams; ++i) {
    if (static_cast<int>(i) != video) context->streams[i]->discard = AVDISCARD_ALL;
  }
  return MediaInput(std::move(interrupt), std::move(owner), video, address);
}

int MediaInput::fps_milli() const {
  constexpr double most = 1000;
  const AVRational rate = video().avg_frame_rate.num > 0 ? video().avg_frame_rate : video().r_frame_rate;
  const double fps = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
  return fps <= most ? static_cast<int>(std::lround(fps * 1000)) : 0;
}

std::chrono::nanoseconds MediaInput::picture_length() const {
  const int fps = fps_milli();
  return std::chrono::nanoseconds(fps > 0 ? 1'000'000'000'000LL / fps : 40'000'000LL);
}

Result<bool> MediaInput::read(AVPacket& packet) {
  for (;;) {
    av_packet_unref(&packet);
    interrupt_->deadline = std::chrono::steady_clock::now() + address_.patience;
    const int got = av_read_frame(context_.get(), &packet);
    if (got == AVERROR_EOF) return false;
    if (got == AVERROR(EAGAIN)) continue;
    if (got < 0) return libav::error(address_.shown, got);
    if (packet.stream_index == video_index_) return true;
  }
}

bool MediaInput::rewind() {
  interrupt_->deadline = std::chrono::steady_clock::now() + address_.patience;
  const int64_t start = video().start_time == AV_NOPTS_VALUE ? 0 : video().start_time;
  return avformat_seek_file(context_.get(), video_index_, INT64_MIN, start, start, 0) >= 0;
}

}  // namespace camweave
