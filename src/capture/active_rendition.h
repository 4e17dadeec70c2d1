// ActiveRendition: one wanted rendition at work. Frames that the camera already gives in the wanted form go from the
// driver's thread straight into a slot; the others are encoded on a thread of the rendition's own, which begins with
// the first such frame. Newest frame wins: a slow encoder skips, it never delays the camera.
//
// H.264 and H.265 that has to become something else comes decoded (PacketDecoder), the packet itself before it.
//
// Threads: offer() on the driver's or the decoder's thread, one at a time; the rest on the control thread. Destroying
// waits for the picture in work.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "capture/frame_mailbox.h"
#include "capture/frame_pacer.h"
#include "capture/slot_writer.h"
#include "encode/encoder.h"
#include "ipc/messages.h"

namespace camweave {

using EncoderFactory = std::function<Result<std::unique_ptr<Encoder>>(const Rendition&, const Frame& first_frame)>;

class ActiveRendition {
 public:
  // `link` and `make_encoder` outlive it.
  ActiveRendition(const ipc::WantedRendition& wanted, WorkerLink& link, const EncoderFactory& make_encoder);
  ~ActiveRendition();
  ActiveRendition(const ActiveRendition&) = delete;
  ActiveRendition& operator=(const ActiveRendition&) = delete;

  void offer(const CapturedFrame& frame);
  // Of an inter-coded frame: whether this rendition waits for its decoded picture.
  bool needs_decoded(const CapturedFrame& frame) const { return !failed_ && !passes_through(frame); }
  void fail(const Error& why);

  uint32_t id() const { return id_; }
  void set_bitrate(int bitrate_kbps) { wanted_bitrate_kbps_ = bitrate_kbps; }
  void request_keyframe() { keyframe_requested_ = true; }
  // What makes it, once something does: "libx264", "pass-through".
  const char* encoder_name() const { return encoder_name_; }

 private:
  bool passes_through(const CapturedFrame& frame) const;
  void pass(const CapturedFrame& frame);
  void encode_frames();
  void encode(const CapturedFrame& frame);
  bool make_encoder_for(const CapturedFrame& frame);
  void drop(const Error& why);

  // Constant after construction.
  const uint32_t id_;
  const Rendition rendition_;
  WorkerLink& link_;
  const EncoderFactory& make_encoder_;

  // In offer().
  FramePacer pacer_;
  SlotWriter pass_writer_;
  bool waits_for_keyframe_ = true;

  // Encoding thread.
  SlotWriter encode_writer_;
  std::unique_ptr<Encoder> encoder_;
  PixelFormat encoder_format_ = PixelFormat::yuyv;
  Size encoder_source_{};
  int bitrate_kbps_;

  std::atomic<int> wanted_bitrate_kbps_;
  std::atomic<bool> keyframe_requested_{false};
  std::atomic<const char*> encoder_name_{nullptr};  // static text
  std::atomic<bool> failed_{false};                 // the server was told; nothing more comes
  FrameMailbox mailbox_;
  std::thread thread_;  // started by offer(), joined by the destructor: never both at once (RenditionSet)
};

}  // namespace camweave
