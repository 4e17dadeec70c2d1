// Packet: one encoded access unit (a JPEG, an H.264 or H.265 access unit in Annex B) in packet memory, with what is known
// of it. Immutable; shared as PacketPtr, the one routine sharing there is. Server side.
#pragma once

#include <memory>

#include "base/clock.h"
#include "media/metadata.h"
#include "media/packet_memory.h"
#include "media/video_format.h"

namespace camweave {

struct PacketInfo {
  Codec codec = Codec::jpeg;
  Size size{};
  bool keyframe = true;
  uint64_t sequence = 0;                // the camera's count: a gap means that frames were not taken or lost
  Timestamp capture_time{};             // start of exposure where known
  UnixMicroseconds capture_wall{};      // the same moment on the wall clock, mapped where it was captured
  FrameMetadata metadata;
};

struct Packet {
  PacketInfo info;
  PacketBuffer body;
};
using PacketPtr = std::shared_ptr<const Packet>;

}  // namespace camweave
