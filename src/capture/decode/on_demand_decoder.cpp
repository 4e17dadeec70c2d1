#include "capture/decode/on_demand_decoder.h"

namespace camweave {

Result<void> OnDemandDecoder::push(const AVPacket& packet, bool wanted, const VideoDecoder::Pictures& pictures) {
  if (auto kept = keep(packet); !kept) return kept;
  if (!wanted) {
    if (running_) decoder_.flush();
    running_ = false;
    return {};
  }
  if (running_) return decoder_.decode(&packet, pictures);
  return complete_ ? catch_up(pictures) : Result<void>();
}

Result<void> OnDemandDecoder::keep(const AVPacket& packet) {
  if (packet.flags & AV_PKT_FLAG_KEY) {
    forget();
    complete_ = true;
  }
  if (!complete_) return {};
  if (since_keyframe_.size() == max_kept_packets || kept_bytes_ > max_kept_bytes) {
    forget();  // the next keyframe will do
    return {};
  }
  libav::PacketOwner copy(av_packet_clone(&packet));
  if (!copy) return Error{ErrorCode::exhausted, "no memory for a packet"};
  kept_bytes_ += static_cast<size_t>(packet.size);
  since_keyframe_.push_back(std::move(copy));
  return {};
}

Result<void> OnDemandDecoder::catch_up(const VideoDecoder::Pictures& pictures) {
  running_ = true;
  Result<void> last;
  for (const auto& packet : since_keyframe_) {
    const bool is_last = &packet == &since_keyframe_.back();
    last = decoder_.decode(packet.get(), pictures, is_last);
  }
  return last;
}

Result<void> OnDemandDecoder::drain(const VideoDecoder::Pictures& pictures) {
  Result<void> drained = running_ ? decoder_.decode(nullptr, pictures) : Result<void>();
  reset();
  return drained;
}

void OnDemandDecoder::reset() {
  decoder_.flush();
  running_ = false;
  forget();
}

void OnDemandDecoder::forget() {
  since_keyframe_.clear();
  kept_bytes_ = 0;
  complete_ = false;
}

}  // namespace camweave
