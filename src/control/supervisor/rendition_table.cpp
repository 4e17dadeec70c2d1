#include "control/supervisor/rendition_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace camweave {

Rendition normalised(const Rendition& rendition, const ipc::Mode& mode) {
  Rendition wanted = rendition;
  wanted.rotation = ((wanted.rotation % 360) + 360) % 360;
  if (wanted.size.empty()) wanted.size = {};
  if (wanted.codec == Codec::jpeg) wanted.bitrate_kbps = 0;
  if (wanted.codec != Codec::jpeg) wanted.quality = 0;
  if (mode.size.empty()) return wanted;
  if (!wanted.size.empty()) {
    const bool is_turned = wanted.rotation == 90 || wanted.rotation == 270;
    const Size own = is_turned ? Size{mode.size.height, mode.size.width} : mode.size;
    if (wanted.size.width >= own.width && wanted.size.height >= own.height) wanted.size = {};
  }
  if (mode.fps_milli > 0 && wanted.fps_milli >= mode.fps_milli) wanted.fps_milli = 0;
  const bool is_encoded = mode.format != PixelFormat::jpeg || !wanted.size.empty() || wanted.rotation != 0;
  if (wanted.codec == Codec::jpeg && wanted.quality == 0 && is_encoded) wanted.quality = default_jpeg_quality;
  return wanted;
}

RenditionTable::Wanted* RenditionTable::find(const Rendition& rendition) {
  const auto found = std::ranges::find(wanted_, rendition, &Wanted::rendition);
  return found == wanted_.end() ? nullptr : &*found;
}

void RenditionTable::forget_unused() {
  for (Wanted& wanted : wanted_) std::erase_if(wanted.streams, [](const auto& stream) { return stream.expired(); });
  std::erase_if(wanted_, [](const Wanted& wanted) { return wanted.streams.empty(); });
}

void RenditionTable::place(Rendition rendition, std::weak_ptr<Stream> stream) {
  Wanted* wanted = find(rendition);
  if (!wanted) wanted = &wanted_.emplace_back(Wanted{next_id_++, rendition, {}});
  wanted->streams.push_back(std::move(stream));
}

void RenditionTable::set_mode(const ipc::Mode& mode) {
  if (mode == mode_) return;
  mode_ = mode;
  for (Wanted& old : std::exchange(wanted_, {})) {
    for (auto& stream : old.streams) {
      if (const auto held = stream.lock()) place(normalised(held->rendition(), mode_), stream);
    }
  }
}

Result<std::shared_ptr<Stream>> RenditionTable::open(const Rendition& asked, const Make& make) {
  forget_unused();
  const Rendition rendition = normalised(asked, mode_);
  if (Wanted* wanted = find(rendition)) {
    for (const auto& stream : wanted->streams) {
      if (auto held = stream.lock(); held && !held->close_reason()) return held;
    }
  } else if (wanted_.size() >= max_renditions_per_camera) {
    return Error{
        ErrorCode::exhausted,
        fmt::format("this camera already makes {} different pictures, the most at once: ask for a size, rate and "
                    "quality that somebody watches already",
                    max_renditions_per_camera)};
  }
  auto stream = make(rendition);
  place(rendition, stream);
  return stream;
}

const std::vector<RenditionTable::Wanted>& RenditionTable::wanted() {
  forget_unused();
  return wanted_;
}

bool RenditionTable::is_wanted() const {
  return std::ranges::any_of(wanted_, [](const Wanted& wanted) {
    return std::ranges::any_of(wanted.streams, [](const auto& stream) { return !stream.expired(); });
  });
}

std::vector<RenditionStatus> RenditionTable::held() const {
  std::vector<RenditionStatus> held;
  for (const Wanted& wanted : wanted_) {
    const bool is_held = std::ranges::any_of(wanted.streams, [](const auto& stream) { return !stream.expired(); });
    if (is_held) held.push_back({wanted.id, as_made(wanted.rendition), ""});
  }
  return held;
}

Result<void> RenditionTable::set_bitrate(uint32_t id, int bitrate_kbps) {
  constexpr size_t most_kept = 64;
  const auto held_now = held();
  if (std::ranges::find(held_now, id, &RenditionStatus::id) == held_now.end()) {
    return Error{ErrorCode::not_found, fmt::format("no rendition {} is being made", id)};
  }
  const Wanted& wanted = *std::ranges::find(wanted_, id, &Wanted::id);
  if (wanted.rendition.codec == Codec::jpeg) {
    return Error{ErrorCode::unsupported, "bitrate_kbps: a JPEG rendition has a quality, not a bitrate"};
  }
  if (bitrates_kbps_.size() >= most_kept && !bitrates_kbps_.contains(wanted.rendition)) {
    return Error{ErrorCode::exhausted, fmt::format("this camera keeps {} changed bitrates already", most_kept)};
  }
  bitrates_kbps_[wanted.rendition] = bitrate_kbps;
  return {};
}

Rendition RenditionTable::as_made(const Rendition& rendition) const {
  Rendition made = rendition;
  const auto changed = bitrates_kbps_.find(rendition);
  if (changed != bitrates_kbps_.end()) made.bitrate_kbps = changed->second;
  return made;
}

uint32_t RenditionTable::id_of(const Rendition& stream_rendition) const {
  const Rendition rendition = normalised(stream_rendition, mode_);
  const auto found = std::ranges::find(wanted_, rendition, &Wanted::rendition);
  return found == wanted_.end() ? 0 : found->id;
}

void RenditionTable::close(uint32_t id, const std::string& reason) {
  const auto found = std::ranges::find(wanted_, id, &Wanted::id);
  if (found == wanted_.end()) return;
  const Wanted closed = std::move(*found);
  wanted_.erase(found);
  for (const auto& stream : closed.streams) {
    if (const auto held = stream.lock()) held->close(reason);
  }
}

void RenditionTable::close_all(const std::string& reason) {
  while (!wanted_.empty()) close(wanted_.front().id, reason);
}

}  // namespace camweave
