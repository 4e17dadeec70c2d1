// SlotWriter: puts one packet into a slot of shared memory, with the frame's EXIF where it is a JPEG without and with its SEI
// where it is H.264 or H.265, and tells the server. Copies nothing twice: an encoder writes right behind the room that the EXIF needs. Thread-bound: each
// thread that writes packets has its own.
#pragma once

#include <memory>
#include <span>

#include "capture/captured_frame.h"
#include "capture/worker_link.h"
#include "encode/encoder.h"
#include "media/jpeg/exif.h"

namespace camweave {

// Whom a packet is for: a rendition or a still request.
struct PacketAddress {
  uint32_t rendition_id = 0;
  uint32_t request_id = 0;
};

class SlotWriter {
 public:
  explicit SlotWriter(WorkerLink& link) : link_(link) {}

  // Sends the camera's own packet as it is. Fails with `exhausted` where no slot is free or the packet is too large,
  // with `invalid_argument` for bytes that are no JPEG.
  Result<void> pass(const CapturedFrame& frame, PacketAddress address);

  // Encodes into a slot and sends it. Errors: the encoder's, or `exhausted` where no slot is free.
  Result<void> encode(const CapturedFrame& frame, Codec codec, Encoder& encoder, PacketAddress address);

 private:
  Result<void> pass_jpeg(const CapturedFrame& frame, PacketAddress address);
  Result<void> pass_with_sei(const CapturedFrame& frame, Codec codec, PacketAddress address);
  std::span<const std::byte> exif_of(const CapturedFrame& frame);
  void send(const CapturedFrame& frame, Codec codec, PacketAddress address, uint32_t slot,
            const EncodedPicture& picture);

  WorkerLink& link_;
  std::shared_ptr<const CameraIdentity> identity_;
  std::unique_ptr<jpeg::ExifWriter> exif_;  // of identity_
  std::chrono::minutes utc_offset_{};
  UnixMicroseconds utc_offset_until_{};
};

}  // namespace camweave
