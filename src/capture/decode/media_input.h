// MediaInput: the compressed pictures of one file or one RTSP camera, by libavformat. Thread-bound.
// A name with a secret in it is never repeated in an error: `shown` stands for it.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "capture/camera.h"
#include "capture/decode/libav.h"

namespace camweave {

struct MediaAddress {
  std::string url;                             // may hold a secret
  std::string shown;                           // for errors: "file '/a.mp4'", "rtsp://***@host/1"
  std::map<std::string, std::string> options;  // the library's own
  std::chrono::milliseconds patience{10'000};  // for opening, and for each packet
};

class MediaInput {
 public:
  // Blocks for at most `patience`. Fails where there is no video stream.
  static Result<MediaInput> open(const MediaAddress& address);

  MediaInput(MediaInput&&) noexcept = default;
  MediaInput& operator=(MediaInput&&) noexcept = default;

  const AVStream& video() const { return *context_->streams[video_index_]; }
  int fps_milli() const;  // 0: unknown
  // The length of one picture; a guess where the file doesn't say.
  std::chrono::nanoseconds picture_length() const;

  // From now on a raised `stop` ends a read at once.
  void watch(const StopSignal* stop) { interrupt_->stop = stop; }

  // The next packet of the video; false at the end.
  Result<bool> read(AVPacket& packet);
  // Back to the first picture; false where this input can't: open it again.
  bool rewind();

 private:
  struct Interrupt {
    const StopSignal* stop = nullptr;
    Timestamp deadline{};
    static int asked(void* self);
  };
  MediaInput(std::unique_ptr<Interrupt> interrupt, libav::InputOwner context, int video_index, MediaAddress address);

  std::unique_ptr<Interrupt> interrupt_;  // before context_: closing asks it
  libav::InputOwner context_;
  int video_index_ = 0;
  MediaAddress address_;
};

}  // namespace camweave
