#include "capture/slot_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <ctime>
#include <utility>

#include "media/h264/frame_sei.h"

namespace camweave {
namespace {

constexpr size_t soi_bytes = 2;
constexpr std::byte soi[soi_bytes] = {std::byte{0xFF}, std::byte{0xD8}};

// Gives the slot back unless it was sent.
class TakenSlot {
 public:
  explicit TakenSlot(ipc::PacketPool& pool) : pool_(pool), slot_(pool.take().value_or(none)) {}
  ~TakenSlot() {
    if (slot_ != none) pool_.give_back(slot_);
  }
  TakenSlot(const TakenSlot&) = delete;
  TakenSlot& operator=(const TakenSlot&) = delete;

  explicit operator bool() const { return slot_ != none; }
  std::span<std::byte> bytes() { return pool_.bytes(slot_); }
  uint32_t release() { return std::exchange(slot_, none); }

 private:
  static constexpr uint32_t none = UINT32_MAX;
  ipc::PacketPool& pool_;
  uint32_t slot_;
};

Error no_slot() { return Error{ErrorCode::exhausted, "no free slot: the server is behind"}; }

bool begins_as_jpeg(std::span<const std::byte> bytes) {
  return bytes.size() > 4 && std::memcmp(bytes.data(), soi, soi_bytes) == 0;
}

std::chrono::minutes utc_offset_at(UnixMicroseconds wall) {
  const time_t seconds = std::chrono::floor<std::chrono::seconds>(wall).count();
  tm local{};
  if (!::localtime_r(&seconds, &local)) return {};
  return std::chrono::minutes(local.tm_gmtoff / 60);
}

Codec codec_of(PixelFormat compressed) {
  if (compressed == PixelFormat::h264) return Codec::h264;
  return compressed == PixelFormat::h265 ? Codec::h265 : Codec::jpeg;
}

// SOI and EXIF, over whatever SOI stands there now.
void put_front(std::span<std::byte> slot, std::span<const std::byte> exif) {
  std::memcpy(slot.data(), soi, soi_bytes);
  std::memcpy(slot.data() + soi_bytes, exif.data(), exif.size());
}

}  // namespace

std::span<const std::byte> SlotWriter::exif_of(const CapturedFrame& frame) {
  auto identity = link_.identity();
  if (!exif_ || identity != identity_) {
    identity_ = std::move(identity);
    exif_ = std::make_unique<jpeg::ExifWriter>(identity_->make, identity_->model, identity_->serial);
  }
  // The offset changes with summer time only: looking once a minute is enough, and a step of the clock looks again.
  const auto age = utc_offset_until_ - frame.capture_wall;
  if (age <= UnixMicroseconds::zero() || age > std::chrono::minutes(1)) {
    utc_offset_ = utc_offset_at(frame.capture_wall);
    utc_offset_until_ = frame.capture_wall + std::chrono::minutes(1);
  }
  return exif_->app1({.capture_wall = frame.capture_wall,
                      .utc_offset = utc_offset_,
                      .sequence = frame.frame.sequence,
                      .metadata = frame.frame.metadata});
}

namespace {

FrameSei sei_of(const CapturedFrame& frame) {
  return {frame.capture_wall.count(), frame.frame.sequence, frame.frame.metadata.exposure_us,
          static_cast<uint32_t>(std::lround(frame.frame.metadata.gain * 1000))};
}

}  // namespace

Result<void> SlotWriter::pass(const CapturedFrame& frame, PacketAddress address) {
  const Codec codec = codec_of(frame.frame.format);
  return codec == Codec::jpeg ? pass_jpeg(frame, address) : pass_with_sei(frame, codec, address);
}

Result<void> SlotWriter::pass_with_sei(const CapturedFrame& frame, Codec codec, PacketAddress address) {
  const std::span<const std::byte> packet = frame.frame.bytes();
  // The message of another of our servers stays, as a camera's own EXIF does: it knows the moment of capture.
  const size_t place = frame_sei_place(codec, packet);
  const bool has_sei = find_frame_sei(codec, packet.first(place)).has_value();
  const size_t sei_bytes = has_sei ? 0 : frame_sei_bytes(codec);
  TakenSlot slot(link_.pool());
  if (!slot) return no_slot();
  const std::span<std::byte> out = slot.bytes();
  if (packet.empty() || packet.size() + sei_bytes > out.size()) {
    return Error{ErrorCode::exhausted, fmt::format("the camera's packet has {} bytes", packet.size())};
  }
  std::memcpy(out.data(), packet.data(), place);
  if (!has_sei) write_frame_sei(codec, sei_of(frame), out.subspan(place));
  std::memcpy(out.data() + place + sei_bytes, packet.data() + place, packet.size() - place);
  send(frame, codec, address, slot.release(), {packet.size() + sei_bytes, frame.frame.keyframe, frame.frame.size});
  return {};
}

Result<void> SlotWriter::pass_jpeg(const CapturedFrame& frame, PacketAddress address) {
  const std::span<const std::byte> packet = frame.frame.bytes();
  constexpr Codec codec = Codec::jpeg;
  std::span<const std::byte> exif;
  if (!begins_as_jpeg(packet)) return Error{ErrorCode::invalid_argument, "the camera's packet is no JPEG"};
  if (!jpeg::has_exif(packet)) exif = exif_of(frame);
  TakenSlot slot(link_.pool());
  if (!slot) return no_slot();
  const std::span<std::byte> out = slot.bytes();
  if (packet.empty() || packet.size() + exif.size() > out.size()) {
    return Error{ErrorCode::exhausted, fmt::format("the camera's packet has {} bytes", packet.size())};
  }
  if (exif.empty()) {
    std::memcpy(out.data(), packet.data(), packet.size());
  } else {
    put_front(out, exif);
    const auto rest = packet.subspan(soi_bytes);
    std::memcpy(out.data() + soi_bytes + exif.size(), rest.data(), rest.size());
  }
  send(frame, codec, address, slot.release(), {packet.size() + exif.size(), frame.frame.keyframe, frame.frame.size});
  return {};
}

Result<void> SlotWriter::encode(const CapturedFrame& frame, Codec codec, Encoder& encoder, PacketAddress address) {
  TakenSlot slot(link_.pool());
  if (!slot) return no_slot();
  const std::span<const std::byte> exif = codec == Codec::jpeg ? exif_of(frame) : std::span<const std::byte>();
  const size_t room = codec == Codec::jpeg ? exif.size() : frame_sei_bytes(codec);
  auto picture = encoder.encode(frame.frame, slot.bytes().subspan(room));
  if (!picture) return picture.error();
  if (picture->size_bytes == 0) return {};
  if (codec == Codec::jpeg) {
    // The encoder's own SOI lies at exif.size(): the EXIF's end takes its place.
    put_front(slot.bytes(), exif);
  } else {
    // The parameter sets move to the front; the SEI stands between them and the slices.
    const size_t place = frame_sei_place(codec, slot.bytes().subspan(room, picture->size_bytes));
    std::memmove(slot.bytes().data(), slot.bytes().data() + room, place);
    write_frame_sei(codec, sei_of(frame), slot.bytes().subspan(place));
  }
  picture->size_bytes += room;
  send(frame, codec, address, slot.release(), *picture);
  return {};
}

void SlotWriter::send(const CapturedFrame& frame, Codec codec, PacketAddress address, uint32_t slot,
                      const EncodedPicture& picture) {
  ipc::Frame message;
  message.slot = slot;
  message.size_bytes = static_cast<uint32_t>(picture.size_bytes);
  message.rendition_id = address.rendition_id;
  message.request_id = address.request_id;
  message.keyframe = picture.keyframe;
  message.codec = codec;
  message.size = picture.size;
  message.sequence = frame.frame.sequence;
  message.capture_ns = to_nanoseconds(frame.frame.capture_time);
  message.capture_wall_us = frame.capture_wall.count();
  message.metadata = frame.frame.metadata;
  if (!link_.send(message)) link_.pool().give_back(slot);
}

}  // namespace camweave
