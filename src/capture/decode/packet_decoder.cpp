#include "capture/decode/packet_decoder.h"

#include <pthread.h>

#include <algorithm>

namespace camweave {

PacketDecoder::~PacketDecoder() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PacketDecoder::push(const CapturedFrame& packet, bool wanted) {
  Step step;
  // The picture is found again by its number: it travels through the decoder as the time.
  step.packet = libav::make_packet(packet.frame.bytes(), packet.frame.keyframe, int64_t(packet.frame.sequence));
  if (!step.packet) return listener_.dropped(1);
  step.about = packet;
  step.about.frame.planes = {};
  step.about.frame.buffer.reset();
  {
    MutexLock lock(mutex_);
    const bool can_begin = keep(step);
    if (!wanted) {
      running_ = false;
      queue_.clear();
      catching_up_ = 0;
      return;
    }
    if (running_ && queue_.size() >= most_behind + catching_up_) {
      listener_.dropped(queue_.size());
      queue_.clear();
      running_ = complete_ = false;
      catching_up_ = 0;
      kept_.clear();
      return;
    }
    if (running_) {
      queue_.push_back(std::move(step));
    } else if (can_begin) {
      catch_up();
    } else {
      return;
    }
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  changed_.notify_one();
}

void PacketDecoder::repeat(uint64_t sequence, Timestamp time, UnixMicroseconds wall, bool wanted) {
  if (!wanted) return;
  {
    MutexLock lock(mutex_);
    if (!running_ && !complete_) return;
    if (!running_) catch_up();
    Step again;
    again.about.frame.sequence = sequence;
    again.about.frame.capture_time = time;
    again.about.capture_wall = wall;
    queue_.push_back(std::move(again));
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  changed_.notify_one();
}

// False while a keyframe is missing.
bool PacketDecoder::keep(const Step& step) {
  if (step.about.frame.keyframe) {
    kept_.clear();
    kept_bytes_ = 0;
    complete_ = true;
  } else if (kept_.size() >= most_kept_packets || kept_bytes_ > most_kept_bytes) {
    kept_.clear();
    complete_ = false;
  }
  if (!complete_) return false;
  kept_bytes_ += static_cast<size_t>(step.packet->size);
  kept_.push_back(step);
  return true;
}

void PacketDecoder::catch_up() {
  queue_ = kept_;
  for (Step& step : queue_) step.is_shown = false;
  queue_.front().begins = true;
  queue_.back().is_shown = true;
  catching_up_ = queue_.size();
  running_ = true;
}

void PacketDecoder::work() {
  ::pthread_setname_np(::pthread_self(), "decoder");
  for (;;) {
    Step step;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !closed_) changed_.wait(mutex_);
      if (closed_) return;
      step = std::move(queue_.front());
      queue_.pop_front();
      if (catching_up_ > 0) --catching_up_;
    }
    if (step.packet) {
      decode(step);
    } else {
      show_again(step.about);
    }
  }
}

bool PacketDecoder::make_decoder(const Step& step) {
  const PixelFormat format = step.about.frame.format;
  if (decoder_ && decodes_ == format) return true;
  auto made = VideoDecoder::create_live(format == PixelFormat::h265 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264);
  if (!made) {
    listener_.failed(step.about, made.error());
    return false;
  }
  decoder_.emplace(*std::move(made));
  decodes_ = format;
  return true;
}

void PacketDecoder::decode(const Step& step) {
  if (!make_decoder(step)) return;
  if (step.begins) {
    decoder_->flush();
    in_decoder_.clear();
  }
  if (step.is_shown) in_decoder_.push_back(step.about);
  const auto decoded = decoder_->decode(
      step.packet.get(), [this](VideoDecoder::Picture picture) { show(std::move(picture)); }, step.is_shown);
  if (!decoded) listener_.dropped(1);
}

void PacketDecoder::show(VideoDecoder::Picture picture) {
  while (!in_decoder_.empty() && int64_t(in_decoder_.front().frame.sequence) < picture.pts) in_decoder_.pop_front();
  if (in_decoder_.empty() || int64_t(in_decoder_.front().frame.sequence) != picture.pts) return;
  CapturedFrame shown = std::move(in_decoder_.front());
  in_decoder_.pop_front();
  shown.decoded_from = shown.frame.format;
  picture.frame.sequence = shown.frame.sequence;
  picture.frame.capture_time = shown.frame.capture_time;
  picture.frame.metadata = shown.frame.metadata;
  shown.frame = std::move(picture.frame);
  newest_ = shown;
  listener_.picture(shown);
}

void PacketDecoder::show_again(const CapturedFrame& about) {
  if (!newest_) return;
  newest_->frame.sequence = about.frame.sequence;
  newest_->frame.capture_time = about.frame.capture_time;
  newest_->capture_wall = about.capture_wall;
  listener_.picture(*newest_);
}

}  // namespace camweave
