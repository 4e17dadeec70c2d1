// What server and worker say to each other: SEQPACKET datagrams on the worker's fd 3, one message each.
// A datagram: Header, then a Frame or ReleaseSlot in fixed binary form, or a JSON object for everything that is rare.
// Both directions are parsed as hostile: parse_message() checks every field; the server ends a worker that breaks a rule.
// The order of a worker's life: server Start → worker Hello (+ the pool's memfd by SCM_RIGHTS) → Opened or Failed →
// Frames, Status, … → Stop or the socket's end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "media/control.h"
#include "media/metadata.h"
#include "media/video_format.h"

namespace camweave::ipc {

inline constexpr uint16_t protocol_version = 1;
inline constexpr size_t max_message_bytes = 64 * 1024;
inline constexpr uint32_t max_slots = 64;
inline constexpr uint64_t max_slot_bytes = uint64_t{64} << 20;

// ---- server → worker ----

// The first message. Comes by the socket and not by argv, so that no secret shows in the process list.
struct Start {
  std::string camera_id;
  std::string source;              // as configured, secrets and all
  Size wanted_size{};              // 0×0: the driver's choice
  int wanted_fps_milli = 0;        // 0: the driver's choice
  bool capture_on_demand = false;  // don't run the device while nobody watches
  uint64_t first_sequence = 0;     // number of the first frame: goes on where the last worker of this camera stopped
  ControlValues controls;          // configured and persisted ones, to apply once open
};

struct WantedRendition {
  uint32_t id = 0;  // the server's number for it, never reused in one worker's life
  Rendition rendition;
};
// The whole list each time: a rendition that is not in it any more stops at once; a known id with another bitrate changes
// its bitrate without a new stream.
struct Renditions {
  std::vector<WantedRendition> wanted;
};
struct KeyframeRequest {
  uint32_t rendition_id = 0;
};
struct SetControls {
  uint32_t request_id = 0;
  ControlValues values;
};
struct ResetControls {  // every control to its default
  uint32_t request_id = 0;
};
// One picture of the best quality that the camera can give, answered by a Frame with `request_id` set, or by Reply.
struct StillRequest {
  uint32_t request_id = 0;
  int quality = 95;
};
struct ReleaseSlot {
  uint32_t slot = 0;
};
struct Stop {};

// ---- worker → server ----

struct Hello {
  uint16_t version = protocol_version;
  std::string driver;
  uint32_t slot_count = 0;
  uint64_t slot_bytes = 0;
};

struct Mode {
  PixelFormat format = PixelFormat::yuyv;
  Size size{};
  int fps_milli = 0;
  bool operator==(const Mode&) const = default;
};

// The camera is open, with the mode that it took. Sent again when the mode changes (an HDMI source's, say).
struct Opened {
  std::string make, model, serial;
  std::string identity;       // what settings are kept under: serial or bus path; "" where the device has none
  Mode mode;
  std::string mode_note;      // "" when exactly as wanted; else what was adjusted and why
  std::vector<Mode> modes;    // at most 256
  std::vector<Control> controls;
};
struct ControlsChanged {      // whole schema with values, after a set, an event of the device, a reset
  std::vector<Control> controls;
};
// The answer to SetControls, ResetControls or a StillRequest that failed.
struct Reply {
  uint32_t request_id = 0;
  bool ok = true;
  std::string error;          // when not ok
  ErrorCode error_code = ErrorCode::internal;
  ControlOutcome outcome;     // of SetControls
};
inline constexpr const char* pass_through = "pass-through";
// What makes a rendition, in the encoder's own words, as "libx264"; or pass_through.
struct RenditionEncoder {
  uint32_t rendition_id = 0;
  std::string encoder;
};
// Several times a second, at each change of `away`, and at the first frame after an opening or a silence.
struct Status {
  uint64_t captured = 0;      // frames since the start
  uint64_t dropped = 0;       // frames lost before or in the worker
  int64_t last_frame_ns = 0;  // CLOCK_MONOTONIC of the newest frame; 0: none yet
  bool away = false;          // the device is gone; the worker waits for it
  std::string away_reason;
  FrameMetadata metadata;     // of the newest frame, also of one that nobody watches
  std::vector<RenditionEncoder> encoders;  // of those renditions that frames came out of
};
// A rendition that can't be made (an encoder that is missing, a size that is refused).
struct RenditionFailed {
  uint32_t rendition_id = 0;
  std::string error;
};
// The last message of a worker that gives up by itself; it exits after it.
struct Failed {
  ErrorCode code = ErrorCode::internal;
  std::string error;
};

struct Frame {
  uint32_t slot = 0;
  uint32_t size_bytes = 0;
  uint32_t rendition_id = 0;   // 0 for a still
  uint32_t request_id = 0;     // of the StillRequest that it answers; 0 otherwise
  bool keyframe = true;
  Codec codec = Codec::jpeg;
  Size size{};
  uint64_t sequence = 0;
  int64_t capture_ns = 0;      // CLOCK_MONOTONIC
  int64_t capture_wall_us = 0; // Unix
  FrameMetadata metadata;
};

using Message = std::variant<Start, Renditions, KeyframeRequest, SetControls, ResetControls, StillRequest, ReleaseSlot, Stop,
                             Hello, Opened, ControlsChanged, Reply, Status, RenditionFailed, Failed, Frame>;

// Pure. Serialised into `out` (its capacity is reused: no allocation for Frame and ReleaseSlot once warm).
void serialize_message(const Message& message, std::vector<std::byte>& out);

// Pure. Every number is checked against the bounds above and of media/; `exhausted` and `protocol` errors name the field.
Result<Message> parse_message(std::span<const std::byte> datagram);

}  // namespace camweave::ipc
